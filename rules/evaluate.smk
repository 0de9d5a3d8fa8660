# One evaluation a kept model, on the same samples of text for all.
BENCHMARKS += [f"{OUT}/benchmarks/evaluate/{s}/seed-{seed}/round-{r}.tsv" for s, seed, r in EVALUATED]


def evaluated_model(wildcards):
    kept = f"{OUT}/models/{wildcards.scenario}/seed-{wildcards.seed}/round-{wildcards.round}.safetensors"
    return GENERAL_MODEL if wildcards.scenario == INITIAL else kept


rule evaluate:
    input:
        model=evaluated_model,
        tokenizer=OUT + "/text/tokenizer.json",
        general=OUT + "/text/general-test.safetensors",
        user=OUT + "/text/private-heldout.safetensors",
        later=OUT + "/text/private-later.safetensors",
        code=code("evaluate"),
    output:
        OUT + "/evaluation/{scenario}/seed-{seed}/round-{round}.json",
    log:
        OUT + "/logs/evaluate/{scenario}/seed-{seed}/round-{round}.log",
    benchmark:
        OUT + "/benchmarks/evaluate/{scenario}/seed-{seed}/round-{round}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=plain({"evaluation": E.evaluation, "seed": E.seed}),
    script:
        "../workflow_scripts/evaluate.py"
