# The main experiment and everything in Popov et al. (2018): tables 1 to 4, figures 2 and 3, and the paper's claims.


include: "functions/popov.smk"


POPOV = "Popov et al. 2018"
PAPER = os.path.relpath(f"{workflow.basedir}/report/popov/paper.csv")
PAPER_TEXT = os.path.relpath(f"{workflow.basedir}/report/popov/paper-text.csv")


# The target `popov` adds replicates of the main experiment's models: many of each single device, which one job trains
# and evaluates, and rounds of other scenarios.
ALONE = [s for s in E.popov.scenarios if s != INITIAL and E.scenarios[s].cohort.alone]
REPLICATES = [
    model
    for model in dict.fromkeys(
        EVALUATED + [(s, seed, r) for s in E.popov.scenarios for seed in popov_seeds(s) for r in replicated_rounds(s)]
    )
    if model[0] not in ALONE or model in EVALUATED and model[1] not in E.popov.device_seeds
]
COSTS = [f"{OUT}/costs/{s}/client-{n}.json" for s, n in MEASURED]


# For replicates of a single device, the measures are kept but not the models.
rule replicate_devices:
    input:
        model=GENERAL_MODEL,
        private="<results>/text/private-train.safetensors",
        general="<results>/text/general-train.safetensors",
        tokenizer="<results>/text/tokenizer.json",
        general_test="<results>/text/general-test.safetensors",
        user="<results>/text/private-heldout.safetensors",
        later="<results>/text/private-later.safetensors",
        code=lambda wildcards: code("replicate_devices", *chosen(wildcards, "objective", "codec", "server")),
    output:
        evaluations="<results>/devices/{scenario}.json",
        clients="<results>/devices/{scenario}.csv",
    log:
        "<results>/logs/replicate_devices/{scenario}.log",
    benchmark:
        "<results>/benchmarks/replicate_devices/{scenario}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("replicate_devices"),
    params:
        settings=lambda wildcards: plain(
            {
                "evaluation": E.evaluation,
                "numerics": numerics(1),
                "scenario": scenario_settings(wildcards, "client", "codec", "cohort", "server"),
                "seed": E.seed,
                "seeds": E.popov.device_seeds,
            }
        ),
    script:
        "../workflow_scripts/replicate_devices.py"


# Privacy, measured: pairs of models that differ in one person.
# named as the wildcards of a round's rules would name it
PAIRED = SimpleNamespace(scenario=E.tail.scenario)
ROUND = f"{OUT}/models/{E.tail.scenario}/seed-{{pair}}/round-1.safetensors"
NEIGHBOUR = f"{OUT}/privacy/pair-{{pair}}/neighbour.safetensors"
# each direction: which model writes and which reads
DIRECTIONS = {"forward": (ROUND, NEIGHBOUR), "reverse": (NEIGHBOUR, ROUND)}
SAMPLES = [
    f"{OUT}/privacy/pair-{pair}/{direction}.safetensors" for pair in range(E.tail.pairs) for direction in DIRECTIONS
]


wildcard_constraints:
    pair=r"\d+",
    direction="|".join(DIRECTIONS),


rule neighbour:
    input:
        model=GENERAL_MODEL,
        trained=ROUND,
        private="<results>/text/private-train.safetensors",
        general="<results>/text/general-train.safetensors",
        code=code("neighbour", *chosen(PAIRED, "objective", "codec")),
    output:
        temp(NEIGHBOUR),
    log:
        "<results>/logs/neighbour/pair-{pair}.log",
    benchmark:
        "<results>/benchmarks/neighbour/pair-{pair}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("neighbour"),
    params:
        settings=plain(
            {"numerics": numerics(1), "scenario": scenario_settings(PAIRED, "client", "codec", "cohort", "server")}
        ),
    script:
        "../workflow_scripts/neighbour.py"


rule write_texts:
    input:
        writer=lambda wildcards: DIRECTIONS[wildcards.direction][0].format(pair=wildcards.pair),
        reader=lambda wildcards: DIRECTIONS[wildcards.direction][1].format(pair=wildcards.pair),
        code=code("write_texts"),
    output:
        "<results>/privacy/pair-{pair}/{direction}.safetensors",
    log:
        "<results>/logs/write_texts/pair-{pair}/{direction}.log",
    benchmark:
        "<results>/benchmarks/write_texts/pair-{pair}/{direction}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("write_texts"),
    params:
        settings=plain(E.tail.model_dump(include={"texts", "words"}) | {"seed": E.seed}),
    script:
        "../workflow_scripts/write_texts.py"


rule fit_tails:
    input:
        samples=SAMPLES,
        code=code("fit_tails"),
    output:
        fits="<results>/privacy/tail.json",
        curves="<results>/privacy/tail.csv",
    log:
        "<results>/logs/fit_tails.log",
    benchmark:
        "<results>/benchmarks/fit_tails.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("fit_tails"),
    params:
        settings=plain({"seed": E.seed, "test": E.tail.model_dump(exclude={"pairs", "scenario", "texts", "words"})}),
    script:
        "../workflow_scripts/fit_tails.py"


TABLES |= {
    "comparison": Part(
        "popov",
        "Comparison of models",
        {"clients": [f"{OUT}/tables/clients.csv"], "evaluations": evaluations(EVALUATED), "paper": PAPER},
        {"scenarios": [described(scenario) for scenario in E.run]},
    ),
    "clients": Part("popov", "Costs", {"clients": list(records(TRAINED))}, {"scenarios": list(E.run)}),
    "client_costs": Part(
        "popov", "Costs", {"costs": COSTS, "paper_text": PAPER_TEXT}, {"scenarios": list(E.report.cost_scenarios)}
    ),
    "replicates": Part(
        "popov",
        POPOV,
        {
            "clients": list(records(REPLICATES)) + [f"{OUT}/devices/{s}.csv" for s in ALONE],
            "evaluations": evaluations(REPLICATES) + [f"{OUT}/devices/{s}.json" for s in ALONE],
            "paper": PAPER,
        },
        {"scenarios": [described(scenario) for scenario in dict.fromkeys([*E.popov.scenarios, *E.run])]},
    ),
    "popov": Part("popov", POPOV, {"replicates": table_file("replicates")}, {"scenarios": list(E.popov.scenarios)}),
    "tail": Part("popov", "Privacy, measured", {"fits": f"{OUT}/privacy/tail.json"}),
}
TABLES["claims_popov"] = claims(
    "popov",
    **{name: table_file(name) for name in ("replicates", "client_costs", "tail")},
    paper=PAPER,
    paper_text=PAPER_TEXT,
)
FIGURES |= {
    **{
        figure: Part("popov", "Comparison of models", {"comparison": table_file("comparison")})
        for figure in ("perplexity_by_round", "tradeoff", "keystrokes")
    },
    "costs": Part("popov", "Costs", {name: table_file(name) for name in ("stages", "client_costs")}),
    **{
        figure: Part("popov", POPOV, {"replicates": table_file("replicates")})
        for figure in ("popov_methods", "popov_rounds")
    },
    "tail_of_c": Part("popov", "Privacy, measured", {"tail": table_file("tail"), "curves": f"{OUT}/privacy/tail.csv"}),
}
MAIN_KEYS = [*TEXT_KEYS, "evaluation", "federation", "model", "precision", "pretrain", "report"]
MAIN_KEYS += ["run", "scenarios", "seeds"]
PAGES["main"] = page(
    "popov",
    "comparison",
    "client_costs",
    "corpora",
    room="main_page",
    keys=MAIN_KEYS,
    sizes={
        "model": E.model,
        "vocabulary": E.text.vocabulary,
        "precision": E.precision,
        "rounds of fine-tuning": E.federation.cohort.rounds,
        "persons in a round": E.federation.cohort.size,
        "seeds": E.seeds,
    },
)
PAGES["popov"] = page(
    "popov",
    "replicates",
    "tail",
    "claims_popov",
    keys=[*MAIN_KEYS, "popov", "tail"],
    sizes={"seeds": E.popov.seeds, "seeds of single devices": E.popov.device_seeds},
)
MAIN = ["comparison", "clients", "client_costs", "perplexity_by_round", "tradeoff", "keystrokes", "costs"]
MAIN += ["corpora", "stages", "pretraining"]  # of report.smk
TARGETS["main"] = Target(MAIN, KEPT, in_all=False)
TARGETS["popov"] = Target(
    [*MAIN, "replicates", "popov", "claims_popov", "tail", "popov_methods", "popov_rounds", "tail_of_c"], KEPT
)
