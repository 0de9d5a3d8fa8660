# One evaluation a kept model, on the same samples of text for all; and replicates of a device alone, of which the
# measures are kept and not the models.
BENCHMARKS += [f"{OUT}/benchmarks/evaluate/{s}/seed-{seed}/round-{r}.tsv" for s, seed, r in EVALUATED]


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
