# One evaluation a kept model, on the same samples of text for all.
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
