# Privacy, measured (Popov et al., 2018, tables 3 and 4, figure 3): pairs of models that differ in one person.
from types import SimpleNamespace

# as the wildcards of a round's rules would name it
PAIRED = SimpleNamespace(scenario=E.tail.scenario)
ROUND = f"{OUT}/models/{E.tail.scenario}/seed-{{pair}}/round-1.safetensors"
NEIGHBOUR = f"{OUT}/privacy/pair-{{pair}}/neighbour.safetensors"
# direction: who writes and who reads
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
