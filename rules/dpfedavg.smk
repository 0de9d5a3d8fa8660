# DP-FedAvg (Ramaswamy et al., 2020): what user-level differential privacy costs, and what it is worth.


rule account:
    input:
        code=code("account"),
    output:
        "<results>/privacy/accounting.json",
    log:
        "<results>/logs/account.log",
    benchmark:
        "<results>/benchmarks/account.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=plain(E.dpfedavg.accounting),
    script:
        "../workflow_scripts/account.py"


PRIVATE_MODELS = [f"{OUT}/dpfedavg/{v}/seed-{seed}.json" for v in E.dpfedavg.run for seed in E.dpfedavg.seeds]
# n-gram models: what the network replaces, and what text of the persons themselves would give without any protection
BASELINES = {
    "ngram-general": f"{OUT}/text/general-train.safetensors",
    "ngram-private": f"{OUT}/text/private-train.safetensors",
}


wildcard_constraints:
    variant="|".join(E.dpfedavg.variants),
    baseline="|".join(BASELINES),


use rule pretrain as pretrain_private with:
    output:
        model="<results>/dpfedavg/general.safetensors",
        curve="<results>/dpfedavg/curve.csv",
    log:
        "<results>/logs/pretrain_private.log",
    benchmark:
        "<results>/benchmarks/pretrain_private.tsv"
    params:
        settings=plain(
            {
                "checkpoints": f"{OUT}/checkpoints",
                "model": E.dpfedavg.training.model,
                "numerics": numerics(E.execution.pretrain_threads) | {"precision": "float32"},
                "pretrain": E.dpfedavg.training.pretrain,
                "seed": E.seed,
                "vocabulary": E.dpfedavg.training.vocabulary,
            }
        ),


rule train_private:
    input:
        model="<results>/dpfedavg/general.safetensors",
        private="<results>/text/private-train.safetensors",
        general="<results>/text/general-train.safetensors",
        tokenizer="<results>/text/tokenizer.json",
        code=code("train_private", f"privatune.federation.objectives.{E.dpfedavg.training.client.objective}"),
    output:
        model="<results>/dpfedavg/{variant}/seed-{seed}.safetensors",
        guarantee="<results>/dpfedavg/{variant}/seed-{seed}-guarantee.json",
    log:
        "<results>/logs/train_private/{variant}/seed-{seed}.log",
    benchmark:
        "<results>/benchmarks/train_private/{variant}/seed-{seed}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        settings=lambda wildcards: plain(
            {
                "numerics": numerics(1) | {"precision": "float32"},
                "secrets": f"{OUT}/secret",
                "training": E.dpfedavg.training,
                "variant": E.dpfedavg.variants[wildcards.variant],
            }
        ),
    script:
        "../workflow_scripts/train_private.py"


rule measure_private:
    input:
        model="<results>/dpfedavg/{variant}/seed-{seed}.safetensors",
        guarantee="<results>/dpfedavg/{variant}/seed-{seed}-guarantee.json",
        tokenizer="<results>/text/tokenizer.json",
        test="<results>/text/general-test.safetensors",
        heldout="<results>/text/private-heldout.safetensors",
        later="<results>/text/private-later.safetensors",
        code=code("measure_private"),
    output:
        "<results>/dpfedavg/{variant}/seed-{seed}.json",
    log:
        "<results>/logs/measure_private/{variant}/seed-{seed}.log",
    benchmark:
        "<results>/benchmarks/measure_private/{variant}/seed-{seed}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=120,
    params:
        settings=plain(
            {
                "canaries": E.dpfedavg.training.canaries,
                "evaluation": E.dpfedavg.evaluation,
                "seed": E.seed,
            }
        ),
    script:
        "../workflow_scripts/measure_private.py"


rule measure_ngram:
    input:
        text=lambda wildcards: BASELINES[wildcards.baseline],
        tokenizer="<results>/text/tokenizer.json",
        test="<results>/text/general-test.safetensors",
        heldout="<results>/text/private-heldout.safetensors",
        later="<results>/text/private-later.safetensors",
        code=code("measure_ngram"),
    output:
        "<results>/dpfedavg/{baseline}.json",
    log:
        "<results>/logs/measure_ngram/{baseline}.log",
    benchmark:
        "<results>/benchmarks/measure_ngram/{baseline}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        settings=plain(
            {
                "evaluation": E.dpfedavg.evaluation,
                "order": E.dpfedavg.ngram_order,
                "seed": E.seed,
                "vocabulary": E.dpfedavg.training.vocabulary,
            }
        ),
    script:
        "../workflow_scripts/measure_ngram.py"
