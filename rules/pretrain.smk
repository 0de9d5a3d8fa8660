# The general language model. The wildcard is the precision of training, so that both can stand side by side.
GENERAL_MODEL = f"{OUT}/general/{E.precision}/model.safetensors"
CURVE = f"{OUT}/general/{E.precision}/curve.csv"
BENCHMARKS.append(f"{OUT}/benchmarks/pretrain/{E.precision}.tsv")


rule pretrain:
    input:
        train=OUT + "/text/general-train.safetensors",
        valid=OUT + "/text/general-valid.safetensors",
        code=code("pretrain"),
    output:
        model=OUT + "/general/{precision}/model.safetensors",
        curve=OUT + "/general/{precision}/curve.csv",
    log:
        OUT + "/logs/pretrain/{precision}.log",
    benchmark:
        OUT + "/benchmarks/pretrain/{precision}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: E.execution.pretrain_threads
    resources:
        mem_mb=4000,
        runtime=600,
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


rule precision_table:
    input:
        curves=expand(OUT + "/general/{precision}/curve.csv", precision=["float32", "bfloat16"]),
        code=code("precision_table"),
    output:
        csv=OUT + "/tables/precision.csv",
        md=OUT + "/tables/precision.md",
    log:
        OUT + "/logs/precision_table.log",
    benchmark:
        OUT + "/benchmarks/precision_table.tsv"
    conda:
        "../envs/privatune.yaml"
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        settings=plain({"precisions": ["float32", "bfloat16"]}),
    script:
        "../workflow_scripts/precision_table.py"


# Both precisions side by side; not in `all`, since float32 takes twice as long.
rule precision:
    input:
        rules.precision_table.output,
    localrule: True
