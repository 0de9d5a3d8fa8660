# DPZero (Zhang et al. 2024): private fine-tuning of sentence classifiers by forward passes, and what it is compared with.
from privatune.systems.dpzero.settings import NONE


include: "functions/dpzero.smk"


PAPER_DPZERO = os.path.relpath(f"{workflow.basedir}/report/dpzero/paper.csv")
TRAINED = [f"{OUT}/dpzero/{name}/{method}/{level}" for name, method, level in E.dpzero.trained()]
CLASSIFIERS = [f"{folder}/classifiers.json" for folder in TRAINED]
STEP_COSTS = [f"{OUT}/dpzero/costs/{row}.json" for row in E.dpzero.costs.rows]


wildcard_constraints:
    classifier="|".join(map(re.escape, E.dpzero.methods)),
    level=rf"{NONE}|[0-9.e+-]+",
    row="|".join(map(re.escape, E.dpzero.costs.rows)),


# One job tunes a method at one epsilon and trains it under every seed, since a run of the head takes about a second.
rule train_classifiers:
    input:
        unpack(dpzero_files),
        code=code("train_classifiers"),
    output:
        classifiers="<results>/dpzero/{set}/{classifier}/{level}/classifiers.json",
        tuning="<results>/dpzero/{set}/{classifier}/{level}/tuning.json",
        models="<results>/dpzero/{set}/{classifier}/{level}/models.safetensors",
    log:
        "<results>/logs/train_classifiers/{set}/{classifier}/{level}.log",
    benchmark:
        "<results>/benchmarks/train_classifiers/{set}/{classifier}/{level}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("train_classifiers"),
    params:
        settings=dpzero_settings,
    script:
        "../workflow_scripts/train_classifiers.py"


rule error_by_dimension:
    input:
        code=code("error_by_dimension"),
    output:
        "<results>/dpzero/dimension.json",
    log:
        "<results>/logs/error_by_dimension.log",
    benchmark:
        "<results>/benchmarks/error_by_dimension.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("error_by_dimension"),
    params:
        settings=plain({"dimension": E.dpzero.dimension, "numerics": numerics(1) | {"precision": "float32"}}),
    script:
        "../workflow_scripts/error_by_dimension.py"


# Each row is measured by a process of its own, which is the job.
rule measure_step:
    input:
        tokens=f"{OUT}/sentences/{E.dpzero.sets[0]}/{E.dpzero.encoder}/tokens.safetensors",
        encoder=f"{OUT}/encoders/{E.dpzero.encoder}/model.safetensors",
        config=f"{OUT}/encoders/{E.dpzero.encoder}/config.json",
        code=code("measure_step"),
    output:
        "<results>/dpzero/costs/{row}.json",
    log:
        "<results>/logs/measure_step/{row}.log",
    benchmark:
        "<results>/benchmarks/measure_step/{row}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: E.dpzero.costs.threads
    resources:
        **asked("measure_step"),
    params:
        settings=plain(
            {
                "costs": E.dpzero.costs.model_dump(exclude={"rows"}),
                "numerics": numerics(E.dpzero.costs.threads) | {"precision": "float32"},
                "seed": E.seed,
            }
        ),
    script:
        "../workflow_scripts/measure_step.py"


TABLES |= {
    "dpzero": Part("dpzero", "Sentences", {"classifiers": CLASSIFIERS}),
    "dpzero_accuracy": Part("dpzero", "Sentences", {"models": table_file("dpzero")}),
    "tuning_dpzero": Part("dpzero", "Sentences", {"tunings": [f"{folder}/tuning.json" for folder in TRAINED]}),
    "dimension": Part("dpzero", "Sentences", {"errors": f"{OUT}/dpzero/dimension.json"}),
    "memory": Part("dpzero", "Sentences", {"costs": STEP_COSTS}),
}
TABLES["claims_dpzero"] = claims(
    "dpzero", **{name: table_file(name) for name in ("dpzero", "dimension", "memory")}, paper=PAPER_DPZERO
)
PAGES["dpzero"] = page(
    "dpzero",
    "dpzero_accuracy",
    "memory",
    "claims_dpzero",
    keys=[*SENTENCE_KEYS, "dpzero"],
    sizes={"encoder": E.dpzero.encoder, "sets": E.dpzero.sets, "seeds": E.dpzero.seeds},
)
FIGURES |= {
    "accuracy_by_method": Part("dpzero", "Sentences", {"accuracies": table_file("dpzero_accuracy")}),
    "accuracy_by_directions": Part("dpzero", "Sentences", {"accuracies": table_file("dpzero_accuracy")}),
    "error_by_dimension": Part("dpzero", "Sentences", {"errors": table_file("dimension")}),
    "memory_by_method": Part("dpzero", "Sentences", {"costs": table_file("memory")}),
}
TARGETS["dpzero"] = Target(
    ["dpzero", "dpzero_accuracy", "tuning_dpzero", "dimension", "memory", "claims_dpzero"]
    + ["accuracy_by_method", "accuracy_by_directions", "error_by_dimension", "memory_by_method"]
)
