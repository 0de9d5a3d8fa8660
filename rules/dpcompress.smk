# Private model compression (Mireshghallah et al. 2022): an encoder becomes smaller on private labels under one budget.
from privatune.systems.dpcompress.plans import phases, reads


include: "functions/dpcompress.smk"


D = E.dpcompress
COMPRESSED = [f"{OUT}/dpcompress/{trained.method}/{trained.level}" for trained in D.trained()]
EXPORTED = [f"{OUT}/dpcompress/exported/{method}/measured.json" for method in D.exported]


wildcard_constraints:
    compressed="|".join(map(re.escape, D.methods)),


# One job trains a method at one level under every seed, since most of the time of a single seed is that of loading.
rule compress:
    input:
        unpack(compress_files),
        encoder=encoder_files(D.encoder),
        code=code("compress"),
    output:
        classifiers="<results>/dpcompress/{compressed}/{level}/classifiers.json",
        ledger="<results>/dpcompress/{compressed}/{level}/ledger.json",
        models="<results>/dpcompress/{compressed}/{level}/models.safetensors",
    log:
        "<results>/logs/compress/{compressed}/{level}.log",
    benchmark:
        "<results>/benchmarks/compress/{compressed}/{level}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("compress"),
    params:
        settings=compress_settings,
    script:
        "../workflow_scripts/compress.py"


rule export_classifier:
    input:
        models=f"<results>/dpcompress/{{compressed}}/{D.target}/models.safetensors",
        encoder=encoder_files(D.encoder),
        tokenizer=f"<results>/encoders/{D.encoder}/tokenizer.json",
        tokens=f"<results>/sentences/{D.set}/{D.encoder}/tokens.safetensors",
        code=code("export_classifier"),
    output:
        measured="<results>/dpcompress/exported/{compressed}/measured.json",
        weights="<results>/dpcompress/exported/{compressed}/model.safetensors",
        onnx="<results>/dpcompress/exported/{compressed}/model.onnx",
        int8="<results>/dpcompress/exported/{compressed}/model.int8.onnx",
        tokenizer="<results>/dpcompress/exported/{compressed}/tokenizer.json",
    log:
        "<results>/logs/export_classifier/{compressed}.log",
    benchmark:
        "<results>/benchmarks/export_classifier/{compressed}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: D.export.threads
    resources:
        **asked("export_classifier"),
    params:
        settings=lambda wildcards: plain(
            {
                "export": D.export,
                "max_tokens": E.sentences[D.set].max_tokens,
                "method": wildcards.compressed,
                "seed": D.seeds[0],
                "set": D.set,
                "target": D.epsilon,
            }
        ),
    script:
        "../workflow_scripts/export_classifier.py"


TABLES |= {
    "dpcompress_models": Part(
        "dpcompress",
        "Compression of encoders",
        {"classifiers": [f"{folder}/classifiers.json" for folder in COMPRESSED]},
    ),
    "dpcompress": Part(
        "dpcompress",
        "Compression of encoders",
        {"models": table_file("dpcompress_models"), "exported": table_file("exported")},
    ),
    "ledger_dpcompress": Part(
        "dpcompress", "Compression of encoders", {"ledgers": [f"{folder}/ledger.json" for folder in COMPRESSED]}
    ),
    "exported": Part("dpcompress", "Compression of encoders", {"measured": EXPORTED}),
}
TABLES["claims_dpcompress"] = claims(
    "dpcompress",
    dpcompress_models=table_file("dpcompress_models"),
    paper=os.path.relpath(f"{workflow.basedir}/report/dpcompress/paper.csv"),
)
PAGES["dpcompress"] = page(
    "dpcompress",
    "dpcompress",
    "claims_dpcompress",
    keys=[*SENTENCE_KEYS, "dpcompress"],
    sizes={"encoder": D.encoder, "set": D.set, "seeds": D.seeds},
)
FIGURES |= {
    figure: Part("dpcompress", "Compression of encoders", {"accuracies": table_file("dpcompress")})
    for figure in ("accuracy_by_size", "accuracy_by_sparsity", "accuracy_by_epsilon")
}
TARGETS["dpcompress"] = Target(
    ["dpcompress", "dpcompress_models", "ledger_dpcompress", "exported", "claims_dpcompress"]
    + ["accuracy_by_size", "accuracy_by_sparsity", "accuracy_by_epsilon"]
)
