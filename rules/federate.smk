# Rounds of a scenario. By default a round fans out into jobs of some clients each, and an aggregation joins them;
# with `execution.rounds_per_job` above 1 one job runs whole rounds. Both write the same bytes.
BENCHMARKS += [f"{OUT}/benchmarks/client_cost/{path.split('/costs/')[1][:-5]}.tsv" for path in COSTS]
ROUND = OUT + "/federated/{scenario}/seed-{seed}/round-{round}"


def scenario_settings(wildcards, *parts):
    return plain({part: getattr(E.scenarios[wildcards.scenario], part) for part in parts})


def round_model(wildcards):
    before = round_before(wildcards)
    chain = f"{OUT}/federated/{wildcards.scenario}/seed-{wildcards.seed}"
    return f"{chain}/round-{before}/model.safetensors" if before else GENERAL_MODEL


def batches(scenario):
    """Jobs of a round."""
    return range(-(-E.scenarios[scenario].cohort.size // E.execution.clients_per_job))


def chosen(wildcards, *parts):
    """Modules of the parts that a scenario names."""
    s = E.scenarios[wildcards.scenario]
    modules = {
        "objective": f"privatune.federation.objectives.{s.client.objective}",
        "codec": f"privatune.compression.codecs.{s.codec.name}",
        "server": f"privatune.federation.servers.{s.server.method}",
    }
    return [modules[part] for part in parts]


if E.execution.rounds_per_job == 1:
    BENCHMARKS += [
        f"{OUT}/benchmarks/fine_tune/{s}/seed-{seed}/round-{r}/batch-{batch}.tsv"
        for s, seed, r in TRAINED
        for batch in batches(s)
    ]
    BENCHMARKS += [f"{OUT}/benchmarks/aggregate/{s}/seed-{seed}/round-{r}.tsv" for s, seed, r in TRAINED]

    rule fine_tune:
        input:
            model=round_model,
            private=OUT + "/text/private-train.safetensors",
            general=OUT + "/text/general-train.safetensors",
            code=lambda wildcards: code("fine_tune", *chosen(wildcards, "objective", "codec")),
        output:
            temp(directory(ROUND + "/batch-{batch}")),
        log:
            OUT + "/logs/fine_tune/{scenario}/seed-{seed}/round-{round}/batch-{batch}.log",
        benchmark:
            OUT + "/benchmarks/fine_tune/{scenario}/seed-{seed}/round-{round}/batch-{batch}.tsv"
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=60,
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
            batches=lambda wildcards: [ROUND.format(**wildcards) + f"/batch-{batch}" for batch in batches(wildcards.scenario)],
            code=lambda wildcards: code("aggregate", *chosen(wildcards, "codec", "server")),
        output:
            model=temp(ROUND + "/model.safetensors"),
            clients=ROUND + "/clients.csv",
        log:
            OUT + "/logs/aggregate/{scenario}/seed-{seed}/round-{round}.log",
        benchmark:
            OUT + "/benchmarks/aggregate/{scenario}/seed-{seed}/round-{round}.tsv"
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            mem_mb=2000,
            runtime=30,
        params:
            settings=lambda wildcards: scenario_settings(wildcards, "codec", "cohort", "server"),
        script:
            "../workflow_scripts/aggregate.py"

else:
    BENCHMARKS += [f"{OUT}/benchmarks/run_rounds/{s}/seed-{seed}/round-{r}.tsv" for s, seed, r in TRAINED]

    rule run_rounds:
        input:
            model=round_model,
            private=OUT + "/text/private-train.safetensors",
            general=OUT + "/text/general-train.safetensors",
            code=lambda wildcards: code("run_rounds", *chosen(wildcards, "objective", "codec", "server")),
        output:
            model=temp(ROUND + "/model.safetensors"),
            clients=ROUND + "/clients.csv",
        log:
            OUT + "/logs/run_rounds/{scenario}/seed-{seed}/round-{round}.log",
        benchmark:
            OUT + "/benchmarks/run_rounds/{scenario}/seed-{seed}/round-{round}.tsv"
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            mem_mb=3000,
            runtime=600,
        params:
            settings=lambda wildcards: plain(
                {
                    "first_round": round_before(wildcards) + 1,
                    "numerics": numerics(1),
                    "scenario": E.scenarios[wildcards.scenario],
                }
            ),
        script:
            "../workflow_scripts/run_rounds.py"


rule keep_model:
    input:
        ROUND + "/model.safetensors",
    output:
        OUT + "/models/{scenario}/seed-{seed}/round-{round}.safetensors",
    log:
        OUT + "/logs/keep_model/{scenario}/seed-{seed}/round-{round}.log",
    benchmark:
        OUT + "/benchmarks/keep_model/{scenario}/seed-{seed}/round-{round}.tsv"
    localrule: True
    conda:
        "../envs/privatune.yaml"
    shell:
        "cp {input} {output} 2> {log}"


rule client_cost:
    input:
        model=GENERAL_MODEL,
        private=OUT + "/text/private-train.safetensors",
        general=OUT + "/text/general-train.safetensors",
        code=lambda wildcards: code("client_cost", *chosen(wildcards, "objective", "codec")),
    output:
        OUT + "/costs/{scenario}/client-{client}.json",
    log:
        OUT + "/logs/client_cost/{scenario}/client-{client}.log",
    benchmark:
        OUT + "/benchmarks/client_cost/{scenario}/client-{client}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: workflow.cores or 1  # alone on the machine: its seconds are a result
    resources:
        mem_mb=2000,
        runtime=60,
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
