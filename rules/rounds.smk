# Rounds of a scenario, and the evaluation of kept models. If `execution.rounds_per_job` is 1, a round fans out into
# jobs of some clients each, and an aggregation joins their payloads. If it is larger, one job runs whole rounds. Both
# write the same bytes.


include: "functions/rounds.smk"


EVALUATED = [(s, seed, r) for s in E.run for seed in seeds_of(s) for r in evaluated_rounds(s)]
TRAINED = [(s, seed, r) for s in E.run if s != INITIAL for seed in E.seeds for r in written_rounds(s)]
KEPT = [f"{OUT}/models/{s}/seed-{seed}/round-{r}.safetensors" for s, seed, r in TRAINED if r in kept_rounds(s)]
MEASURED = [(s, n) for s in E.report.cost_scenarios for n in range(E.report.cost_clients)]
BENCHMARKS += [f"{OUT}/benchmarks/evaluate/{s}/seed-{seed}/round-{r}.tsv" for s, seed, r in EVALUATED]
BENCHMARKS += [f"{OUT}/benchmarks/client_cost/{s}/client-{n}.tsv" for s, n in MEASURED]

if E.execution.rounds_per_job == 1:
    BENCHMARKS += dict.fromkeys(
        f"{OUT}/benchmarks/fine_tune/{trained_by(s)}/seed-{seed}/round-{r}/shard-{shard}.tsv"
        for s, seed, r in TRAINED
        for shard in shards(s)
    )
    BENCHMARKS += [f"{OUT}/benchmarks/aggregate/{s}/seed-{seed}/round-{r}.tsv" for s, seed, r in TRAINED]

    rule fine_tune:
        input:
            model=round_model,
            private="<results>/text/private-train.safetensors",
            general="<results>/text/general-train.safetensors",
            code=lambda wildcards: code("fine_tune", *chosen(wildcards, "objective", "codec")),
        output:
            temp(directory("<round>/shard-{shard}")),
        log:
            "<results>/logs/fine_tune/{scenario}/seed-{seed}/round-{round}/shard-{shard}.log",
        benchmark:
            "<results>/benchmarks/fine_tune/{scenario}/seed-{seed}/round-{round}/shard-{shard}.tsv"
        priority: 1  # rounds wait for each other, while evaluations can fill the gaps
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked("fine_tune"),
        params:
            settings=lambda wildcards: plain(
                {
                    "clients_per_job": E.execution.clients_per_job,
                    "numerics": numerics(1),
                    "scenario": scenario_settings(wildcards, "client", "codec", "cohort"),
                }
            ),
        script:
            "../workflow_scripts/fine_tune.py"

    rule aggregate:
        input:
            model=round_model,
            shards=round_shards,
            general=read_by_server,
            code=lambda wildcards: code("aggregate", *chosen(wildcards, "codec", "server")),
        output:
            model=temp("<round>/model.safetensors"),
            clients="<round>/clients.csv",
        log:
            "<results>/logs/aggregate/{scenario}/seed-{seed}/round-{round}.log",
        benchmark:
            "<results>/benchmarks/aggregate/{scenario}/seed-{seed}/round-{round}.tsv"
        priority: 1
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked("aggregate"),
        params:
            settings=lambda wildcards: plain(
                {"numerics": numerics(1), "scenario": scenario_settings(wildcards, "codec", "cohort", "server")}
            ),
        script:
            "../workflow_scripts/aggregate.py"

else:
    BENCHMARKS += [f"{OUT}/benchmarks/run_rounds/{s}/seed-{seed}/round-{r}.tsv" for s, seed, r in TRAINED]

    rule run_rounds:
        input:
            model=round_model,
            private="<results>/text/private-train.safetensors",
            general="<results>/text/general-train.safetensors",
            code=lambda wildcards: code("run_rounds", *chosen(wildcards, "objective", "codec", "server")),
        output:
            model=temp("<round>/model.safetensors"),
            clients="<round>/clients.csv",
        log:
            "<results>/logs/run_rounds/{scenario}/seed-{seed}/round-{round}.log",
        benchmark:
            "<results>/benchmarks/run_rounds/{scenario}/seed-{seed}/round-{round}.tsv"
        priority: 1
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked("run_rounds"),
        params:
            settings=lambda wildcards: plain(
                {
                    "first_round": round_before(wildcards) + 1,
                    "numerics": numerics(1),
                    "scenario": scenario_settings(wildcards, "client", "codec", "cohort", "server"),
                }
            ),
        script:
            "../workflow_scripts/run_rounds.py"


rule keep_model:
    input:
        "<round>/model.safetensors",
    output:
        "<results>/models/{scenario}/seed-{seed}/round-{round}.safetensors",
    log:
        "<results>/logs/keep_model/{scenario}/seed-{seed}/round-{round}.log",
    benchmark:
        "<results>/benchmarks/keep_model/{scenario}/seed-{seed}/round-{round}.tsv"
    localrule: True
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("keep_model"),
    shell:
        "cp {input:q} {output:q} 2> {log:q}"


rule client_cost:
    input:
        model=GENERAL_MODEL,
        private="<results>/text/private-train.safetensors",
        general="<results>/text/general-train.safetensors",
        code=lambda wildcards: code("client_cost", *chosen(wildcards, "objective", "codec")),
    output:
        "<results>/costs/{scenario}/client-{client}.json",
    log:
        "<results>/logs/client_cost/{scenario}/client-{client}.log",
    benchmark:
        "<results>/benchmarks/client_cost/{scenario}/client-{client}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: os.cpu_count()  # it runs alone on the machine, since its seconds are a result; --cores limits this number
    resources:
        **asked("client_cost"),
    params:
        settings=lambda wildcards: plain(
            {
                "numerics": numerics(1),
                "scenario": scenario_settings(wildcards, "client", "codec", "cohort"),
                "seed": E.seed,
            }
        ),
    script:
        "../workflow_scripts/client_cost.py"


# Every kept model is measured on the same samples of text.
rule evaluate:
    input:
        model=evaluated_model,
        tokenizer="<results>/text/tokenizer.json",
        general="<results>/text/general-test.safetensors",
        user="<results>/text/private-heldout.safetensors",
        later="<results>/text/private-later.safetensors",
        code=code("evaluate"),
    output:
        "<results>/evaluation/{scenario}/seed-{seed}/round-{round}.json",
    log:
        "<results>/logs/evaluate/{scenario}/seed-{seed}/round-{round}.log",
    benchmark:
        "<results>/benchmarks/evaluate/{scenario}/seed-{seed}/round-{round}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("evaluate"),
    params:
        settings=plain({"evaluation": E.evaluation, "seed": E.seed}),
    script:
        "../workflow_scripts/evaluate.py"


wildcard_constraints:
    shard=r"\d+",
