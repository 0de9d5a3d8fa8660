# The general language model. The wildcard is the precision of training, so that models of both precisions can exist.
BENCHMARKS.append(f"{OUT}/benchmarks/pretrain/{E.precision}.tsv")


rule pretrain:
    input:
        train="<results>/text/general-train.safetensors",
        valid="<results>/text/general-valid.safetensors",
        code=code("pretrain"),
    output:
        model="<results>/general/{precision}/model.safetensors",
        curve="<results>/general/{precision}/curve.csv",
    log:
        "<results>/logs/pretrain/{precision}.log",
    benchmark:
        "<results>/benchmarks/pretrain/{precision}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: E.execution.pretrain_threads
    resources:
        **asked("pretrain"),
    params:
        settings=lambda wildcards: plain(
            {
                "checkpoints": f"{OUT}/checkpoints",
                "model": E.model,
                "numerics": numerics(E.execution.pretrain_threads) | {"precision": wildcards.precision},
                "pretrain": E.pretrain,
                "seed": E.seed,
                "vocabulary": E.text.vocabulary,
            }
        ),
    script:
        "../workflow_scripts/pretrain.py"
