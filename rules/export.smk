# Models that other programs can use: `snakemake export` writes ONNX, a tokeniser and a model card for each.


include: "functions/export.smk"


X = E.export


wildcard_constraints:
    exported="|".join(re.escape(name) for name, model in X.models.items() if not is_classifier(model)) or "none",
    gathered="|".join(re.escape(name) for name, model in X.models.items() if is_classifier(model)) or "none",


rule export_model:
    input:
        unpack(language_model),
        corpora=[f"<results>/corpora/{name}.json" for name in E.general.corpora],
        tokenizer="<results>/text/tokenizer.json",
        general="<results>/text/general-test.safetensors",
        user="<results>/text/private-heldout.safetensors",
        code=code("export_model"),
    output:
        onnx="<results>/export/{exported}/model.onnx",
        int8="<results>/export/{exported}/model.int8.onnx",
        tokenizer="<results>/export/{exported}/tokenizer.json",
        about="<results>/export/{exported}/about.json",
        card="<results>/export/{exported}/README.md",
        sums="<results>/export/{exported}/SHA256SUMS",
    log:
        "<results>/logs/export_model/{exported}.log",
    benchmark:
        "<results>/benchmarks/export_model/{exported}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: X.threads
    resources:
        **asked("export_model"),
    params:
        settings=export_settings,
    script:
        "../workflow_scripts/export_model.py"


# Classifiers of `dpcompress` are exported and measured by its own target, and those of `dpzero` here.
use rule export_classifier as export_dpzero with:
    input:
        models="<results>/dpzero/{set}/{classifier}/{level}/models.safetensors",
        encoder=encoder_files(E.dpzero.encoder),
        tokenizer=f"<results>/encoders/{E.dpzero.encoder}/tokenizer.json",
        tokens=f"<results>/sentences/{{set}}/{E.dpzero.encoder}/tokens.safetensors",
        code=code("export_classifier"),
    output:
        measured="<results>/dpzero/exported/{set}/{classifier}/{level}/measured.json",
        weights="<results>/dpzero/exported/{set}/{classifier}/{level}/model.safetensors",
        onnx="<results>/dpzero/exported/{set}/{classifier}/{level}/model.onnx",
        int8="<results>/dpzero/exported/{set}/{classifier}/{level}/model.int8.onnx",
        tokenizer="<results>/dpzero/exported/{set}/{classifier}/{level}/tokenizer.json",
    log:
        "<results>/logs/export_dpzero/{set}/{classifier}/{level}.log",
    benchmark:
        "<results>/benchmarks/export_dpzero/{set}/{classifier}/{level}.tsv"
    threads: X.threads
    resources:
        **asked("export_dpzero"),
    params:
        settings=lambda wildcards: plain(
            {
                "export": X.model_dump(include={"repeats", "sentences", "threads"}),
                "max_tokens": E.sentences[wildcards.set].max_tokens,
                "method": wildcards.classifier,
                "seed": (E.dpzero.methods[wildcards.classifier].seeds or E.dpzero.seeds)[0],
                "set": wildcards.set,
                "target": None if wildcards.level == NONE else float(wildcards.level),
            }
        ),


# Both become folders like those of language models.
rule gather_classifier:
    input:
        unpack(classifier),
        code=code("gather_classifier"),
    output:
        onnx="<results>/export/{gathered}/model.onnx",
        int8="<results>/export/{gathered}/model.int8.onnx",
        tokenizer="<results>/export/{gathered}/tokenizer.json",
        about="<results>/export/{gathered}/about.json",
        card="<results>/export/{gathered}/README.md",
        sums="<results>/export/{gathered}/SHA256SUMS",
    log:
        "<results>/logs/gather_classifier/{gathered}.log",
    benchmark:
        "<results>/benchmarks/gather_classifier/{gathered}.tsv"
    localrule: True
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("gather_classifier"),
    params:
        settings=gather_settings,
    script:
        "../workflow_scripts/gather_classifier.py"


TABLES["export"] = Part(
    "export",
    "Models to use",
    {"models": [f"{OUT}/export/{name}/about.json" for name in X.run]},
    made_by="export.table",
)
TARGETS["export"] = Target(["export"], in_all=False)
