# Gradient compression: methods train on the same text, each is tuned on validation text, and the bits that it sends are
# counted.


include: "functions/compression.smk"


AVERAGE = "privatune.federation.servers.average"  # it joins the updates of every method


wildcard_constraints:
    method="|".join(map(re.escape, E.compression.methods)),


use rule pretrain as pretrain_small with:
    output:
        model="<results>/compression/general-seed-{seed}.safetensors",
        curve="<results>/compression/curve-seed-{seed}.csv",
    log:
        "<results>/logs/pretrain_small/seed-{seed}.log",
    benchmark:
        "<results>/benchmarks/pretrain_small/seed-{seed}.tsv"
    threads: 1
    resources:
        **asked("pretrain_small"),
    params:
        settings=lambda wildcards: compression_settings(
            checkpoints=f"{OUT}/checkpoints",
            model=E.compression.model,
            pretrain=E.compression.pretrain,
            seed=int(wildcards.seed),
        ),


rule tune_method:
    input:
        model=f"<results>/compression/general-seed-{E.seed}.safetensors",
        private="<results>/text/private-train.safetensors",
        general="<results>/text/general-train.safetensors",
        valid="<results>/text/general-valid.safetensors",
        later="<results>/text/private-later.safetensors",
        tokenizer="<results>/text/tokenizer.json",
        code=lambda wildcards: code("tune_method", AVERAGE, *method_code(wildcards)),
    output:
        "<results>/compression/{method}/tuning.json",
    log:
        "<results>/logs/tune_method/{method}.log",
    benchmark:
        "<results>/benchmarks/tune_method/{method}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("tune_method"),
    params:
        settings=lambda wildcards: compression_settings(
            choices=E.compression.choices(wildcards.method), evaluation=E.compression.evaluation, seed=E.seed
        ),
    script:
        "../workflow_scripts/tune_method.py"


rule follow_method:
    input:
        model="<results>/compression/general-seed-{seed}.safetensors",
        tuning="<results>/compression/{method}/tuning.json",
        private="<results>/text/private-train.safetensors",
        general="<results>/text/general-train.safetensors",
        test="<results>/text/general-test.safetensors",
        heldout="<results>/text/private-heldout.safetensors",
        tokenizer="<results>/text/tokenizer.json",
        code=lambda wildcards: code("follow_method", AVERAGE, *method_code(wildcards)),
    output:
        "<results>/compression/{method}/seed-{seed}.json",
    log:
        "<results>/logs/follow_method/{method}/seed-{seed}.log",
    benchmark:
        "<results>/benchmarks/follow_method/{method}/seed-{seed}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("follow_method"),
    params:
        settings=compression_settings(
            cohort=E.compression.cohort, evaluation=E.compression.evaluation, shares=E.compression.shares
        ),
    script:
        "../workflow_scripts/follow_method.py"


rule codec_costs:
    input:
        model=f"<results>/compression/general-seed-{E.seed}.safetensors",
        tunings=tunings(E.compression.run),
        private="<results>/text/private-train.safetensors",
        code=code("codec_costs", *(module for method in E.compression.run for module in codec_code(method))),
    output:
        "<results>/compression/costs.json",
    log:
        "<results>/logs/codec_costs.log",
    benchmark:
        "<results>/benchmarks/codec_costs.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: os.cpu_count()  # it runs alone on the machine, since its seconds are a result; --cores limits this number
    resources:
        **asked("codec_costs"),
    params:
        settings=compression_settings(
            numerics={"accelerator": "cpu", "precision": "float32", "threads": 1}, order=E.compression.run
        ),
    script:
        "../workflow_scripts/codec_costs.py"


# One set of parts covers the methods in `run`, and another, `_full`, those in `full`.
for full, methods in (("", E.compression.run), ("_full", E.compression.full)):
    TABLES |= {
        f"compression{full}": Part("compression", "Compression", *compared(methods)),
        f"tuning{full}": Part("compression", "Compression", *tuned(methods)),
        f"claims_compression{full}": claims("compression", compression=table_file(f"compression{full}")),
    }
    FIGURES |= {
        f"{figure}{full}": Part("compression", "Compression", {"compression": table_file(f"compression{full}")})
        for figure in ("perplexity_by_bits", "bits_to_reach")
    }
    asked_for = ["compression", "tuning", "claims_compression", "perplexity_by_bits", "bits_to_reach"]
    TARGETS[f"compression{full}"] = Target([f"{part}{full}" for part in asked_for], in_all=not full)

PAGES["compression"] = page(
    "compression",
    "compression",
    "claims_compression",
    keys=[*TEXT_KEYS, "compression"],
    sizes={
        "model": E.compression.model,
        "vocabulary": E.compression.vocabulary,
        "cohort": E.compression.cohort,
        "seeds": E.compression.seeds,
    },
)
TABLES["codec_costs"] = Part("compression", "Compression", {"costs": f"{OUT}/compression/costs.json"})
TARGETS["compression"].parts.append("codec_costs")
