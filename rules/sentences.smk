# Sentences with labels are split and tokenised for each encoder that classifies them.


wildcard_constraints:
    set="|".join(map(re.escape, E.sentences)) or "none",
    encoder="[A-Za-z0-9][A-Za-z0-9_.+-]*",


rule encode_sentences:
    input:
        table=lambda wildcards: f"{OUT}/corpora/{E.sentences[wildcards.set].source}.parquet",
        manifest=lambda wildcards: f"{OUT}/corpora/{E.sentences[wildcards.set].source}.json",
        tokenizer="<results>/encoders/{encoder}/tokenizer.json",
        code=code("encode_sentences"),
    output:
        "<results>/sentences/{set}/{encoder}/tokens.safetensors",
    log:
        "<results>/logs/encode_sentences/{set}-{encoder}.log",
    benchmark:
        "<results>/benchmarks/encode_sentences/{set}-{encoder}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("encode_sentences"),
    params:
        settings=lambda wildcards: plain({"sentences": E.sentences[wildcards.set], "seed": E.seed}),
    script:
        "../workflow_scripts/encode_sentences.py"
