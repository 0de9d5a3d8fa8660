# One vocabulary encodes all text. It is made from the general training text alone, since private words are private.
GENERAL_TABLES = [f"{OUT}/corpora/{name}.parquet" for name in E.general.corpora]


rule vocabulary:
    input:
        tables=GENERAL_TABLES,
        code=code("vocabulary"),
    output:
        "<results>/text/tokenizer.json",
    log:
        "<results>/logs/vocabulary.log",
    benchmark:
        "<results>/benchmarks/vocabulary.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("vocabulary"),
    params:
        settings=plain(E.text),
    script:
        "../workflow_scripts/vocabulary.py"


# For each text: its tables, the column that says whose text it is, and its parts.
TEXTS = {
    "general": (GENERAL_TABLES, "document", ["train", "valid", "test"]),
    "private": ([f"{OUT}/corpora/private.parquet"], "person", ["train", "later", "heldout"]),
}
BENCHMARKS += [f"{OUT}/benchmarks/{stage}.tsv" for stage in ("vocabulary", "encode_general", "encode_private")]
STREAMS = [f"{OUT}/text/{text}-{part}.safetensors" for text, (_, _, parts) in TEXTS.items() for part in parts]

for text, (tables, unit, parts) in TEXTS.items():

    rule:
        name:
            f"encode_{text}"
        input:
            tables=tables,
            tokenizer="<results>/text/tokenizer.json",
            code=code("encode"),
        output:
            **{part: f"{OUT}/text/{text}-{part}.safetensors" for part in parts},
        log:
            f"{OUT}/logs/encode_{text}.log",
        benchmark:
            f"{OUT}/benchmarks/encode_{text}.tsv"
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked(f"encode_{text}"),
        params:
            settings=plain({"order": tables, "unit": unit}),  # Snakemake sorts inputs when it compares them
        script:
            "../workflow_scripts/encode.py"
