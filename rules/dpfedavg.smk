# DP-FedAvg (Ramaswamy et al., 2020): what user-level differential privacy costs, and how well it protects.


include: "functions/dpfedavg.smk"


PAPER_DP = os.path.relpath(f"{workflow.basedir}/report/dpfedavg/paper.csv")
PAPER_DP_TEXT = os.path.relpath(f"{workflow.basedir}/report/dpfedavg/paper-text.csv")


rule account:
    input:
        code=code("account"),
    output:
        "<results>/dpfedavg/accounting.json",
    log:
        "<results>/logs/account.log",
    benchmark:
        "<results>/benchmarks/account.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("account"),
    params:
        settings=plain(E.dpfedavg.accounting),
    script:
        "../workflow_scripts/account.py"


DP_MODELS = [f"{OUT}/dpfedavg/{v}/seed-{seed}.json" for v in E.dpfedavg.run for seed in E.dpfedavg.seeds]
# N-gram models by the text they are trained on. That of general text is what the network replaces. That of private text
# shows what the persons' own text would give without protection, so it must not be released with a model that is to
# protect them.
BASELINES = {"ngram-general": "general", "ngram-private": "private"}
if any(E.dpfedavg.variants[variant].privacy.secure for variant in E.dpfedavg.run):
    del BASELINES["ngram-private"]


DP_INPUTS = {
    "model": "<results>/dpfedavg/general.safetensors",
    "private": "<results>/text/private-train.safetensors",
    "general": "<results>/text/general-train.safetensors",
    "tokenizer": "<results>/text/tokenizer.json",
    "terms": "<results>/dpfedavg/{variant}/terms.json",
}
# All rules of the training have the same code as input, because a secret release continues only with the code that
# began it.
DP_CODE = code("dp_shard", f"privatune.federation.objectives.{E.dpfedavg.training.client.objective}")


wildcard_constraints:
    shard=r"\d+",
    variant="|".join(map(re.escape, E.dpfedavg.variants)),
    baseline="|".join(BASELINES),


use rule pretrain as pretrain_dp with:
    output:
        model="<results>/dpfedavg/general.safetensors",
        curve="<results>/dpfedavg/curve.csv",
    log:
        "<results>/logs/pretrain_dp.log",
    benchmark:
        "<results>/benchmarks/pretrain_dp.tsv"
    resources:
        **asked("pretrain_dp"),
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


# The mechanism and its epsilon are stated before the training that they describe.
rule guarantee:
    input:
        private="<results>/text/private-train.safetensors",
        code=code("guarantee"),
    output:
        "<results>/dpfedavg/{variant}/terms.json",
    log:
        "<results>/logs/guarantee/{variant}.log",
    benchmark:
        "<results>/benchmarks/guarantee/{variant}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("guarantee"),
    params:
        settings=dp_terms,
    script:
        "../workflow_scripts/guarantee.py"


# Either one job runs all rounds of a variant, and never writes an update without noise, or a round fans out into shards.
if E.execution.dp_shards == 0:

    rule dp_train:
        input:
            **DP_INPUTS,
            code=DP_CODE,
        output:
            "<results>/dpfedavg/{variant}/seed-{seed}.safetensors",
        log:
            "<results>/logs/dp_train/{variant}/seed-{seed}.log",
        benchmark:
            "<results>/benchmarks/dp_train/{variant}/seed-{seed}.tsv"
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked("dp_train"),
        params:
            settings=dp_settings,
        script:
            "../workflow_scripts/dp_train.py"

else:

    rule dp_shard:
        input:
            **DP_INPUTS,
            state=dp_state,
            code=DP_CODE,
        output:
            temp("<results>/dpfedavg/{variant}/seed-{seed}/round-{round}/shard-{shard}.safetensors"),
        log:
            "<results>/logs/dp_shard/{variant}/seed-{seed}/round-{round}/shard-{shard}.log",
        benchmark:
            "<results>/benchmarks/dp_shard/{variant}/seed-{seed}/round-{round}/shard-{shard}.tsv"
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked("dp_shard"),
        params:
            settings=dp_settings,
        script:
            "../workflow_scripts/dp_shard.py"

    rule dp_round:
        input:
            **DP_INPUTS,
            state=dp_state,
            sums=dp_sums,
            code=DP_CODE,
        output:
            temp("<results>/dpfedavg/{variant}/seed-{seed}/round-{round}/state.safetensors"),
        log:
            "<results>/logs/dp_round/{variant}/seed-{seed}/round-{round}.log",
        benchmark:
            "<results>/benchmarks/dp_round/{variant}/seed-{seed}/round-{round}.tsv"
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked("dp_round"),
        params:
            settings=dp_settings,
        script:
            "../workflow_scripts/dp_round.py"

    rule dp_model:
        input:
            state=f"{OUT}/dpfedavg/{{variant}}/seed-{{seed}}/round-{E.dpfedavg.training.cohort.rounds}/state.safetensors",
            code=code("dp_model"),
        output:
            "<results>/dpfedavg/{variant}/seed-{seed}.safetensors",
        log:
            "<results>/logs/dp_model/{variant}/seed-{seed}.log",
        benchmark:
            "<results>/benchmarks/dp_model/{variant}/seed-{seed}.tsv"
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked("dp_model"),
        params:
            settings={},
        script:
            "../workflow_scripts/dp_model.py"


rule measure_dp:
    input:
        model="<results>/dpfedavg/{variant}/seed-{seed}.safetensors",
        terms="<results>/dpfedavg/{variant}/terms.json",
        tokenizer="<results>/text/tokenizer.json",
        test="<results>/text/general-test.safetensors",
        heldout="<results>/text/private-heldout.safetensors",
        code=code("measure_dp"),
    output:
        "<results>/dpfedavg/{variant}/seed-{seed}.json",
    log:
        "<results>/logs/measure_dp/{variant}/seed-{seed}.log",
    benchmark:
        "<results>/benchmarks/measure_dp/{variant}/seed-{seed}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("measure_dp"),
    params:
        settings=lambda wildcards: plain(
            {
                "canaries": E.dpfedavg.training.canaries,
                "carriers": E.dpfedavg.variants[wildcards.variant].carriers,
                "evaluation": E.dpfedavg.evaluation,
                "seed": E.seed,
            }
        ),
    script:
        "../workflow_scripts/measure_dp.py"


rule measure_ngram:
    input:
        text=lambda wildcards: f"{OUT}/text/{BASELINES[wildcards.baseline]}-train.safetensors",
        tokenizer="<results>/text/tokenizer.json",
        test="<results>/text/general-test.safetensors",
        heldout="<results>/text/private-heldout.safetensors",
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
        **asked("measure_ngram"),
    params:
        settings=lambda wildcards: plain(
            {
                "evaluation": E.dpfedavg.evaluation,
                "order": E.dpfedavg.ngram_order,
                "seed": E.seed,
                "text": BASELINES[wildcards.baseline],
                "vocabulary": E.dpfedavg.training.vocabulary,
            }
        ),
    script:
        "../workflow_scripts/measure_ngram.py"


# An attack on each mechanism with noise gives a lower bound on epsilon, to compare with the proved upper bound.

NOISY = [v for v in E.dpfedavg.run if E.dpfedavg.variants[v].privacy.noise_multiplier != 0]
# An audit involves no person and no trained model, so one seed is enough.
AUDITS = [f"{OUT}/dpfedavg/{variant}/seed-{E.dpfedavg.seeds[0]}-audit.json" for variant in NOISY]


rule audit:
    input:
        model="<results>/dpfedavg/general.safetensors",
        terms="<results>/dpfedavg/{variant}/terms.json",
        code=code("audit"),
    output:
        "<results>/dpfedavg/{variant}/seed-{seed}-audit.json",
    log:
        "<results>/logs/audit/{variant}/seed-{seed}.log",
    benchmark:
        "<results>/benchmarks/audit/{variant}/seed-{seed}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("audit"),
    params:
        settings=plain(E.dpfedavg.audit),
    script:
        "../workflow_scripts/audit.py"


TABLES |= {
    "accounting": Part(
        "dpfedavg", "Privacy, proved", {"epsilons": f"{OUT}/dpfedavg/accounting.json", "paper": PAPER_DP}
    ),
    "comparison_dpfedavg": Part(
        "dpfedavg",
        "Privacy, proved",
        {"measures": [f"{OUT}/dpfedavg/{baseline}.json" for baseline in BASELINES] + DP_MODELS},
        {"order": list(E.dpfedavg.run)},
    ),
    "ledger": Part(
        "dpfedavg",
        "Privacy, proved",
        {
            "measures": DP_MODELS
            + [f"{OUT}/dpfedavg/{name}.json" for name, text in BASELINES.items() if text == "private"]
        },
        {"order": list(E.dpfedavg.run)},
    ),
    "canaries": Part("dpfedavg", "Privacy, proved", {"measures": DP_MODELS}, {"order": list(E.dpfedavg.run)}),
    "canaries_by_cell": Part("dpfedavg", "Privacy, proved", {"canaries": table_file("canaries")}),
    "audit": Part("dpfedavg", "Privacy, measured", {"audits": AUDITS}, {"order": NOISY}),
}
TABLES["claims_dpfedavg"] = claims(
    "dpfedavg",
    **{name: table_file(name) for name in ("comparison_dpfedavg", "canaries", "accounting")},
    paper_text=PAPER_DP_TEXT,
)
FIGURES |= {
    "canaries": Part("dpfedavg", "Privacy, proved", {"cells": table_file("canaries_by_cell")}),
    "quality_by_epsilon": Part("dpfedavg", "Privacy, proved", {"comparison": table_file("comparison_dpfedavg")}),
}
PAGES["dpfedavg"] = page(
    "dpfedavg",
    "comparison_dpfedavg",
    "accounting",
    "ledger",
    "claims_dpfedavg",
    keys=[*TEXT_KEYS, "dpfedavg"],
    sizes={
        "model": E.dpfedavg.training.model,
        "vocabulary": E.dpfedavg.training.vocabulary,
        "cohort": E.dpfedavg.training.cohort,
        "seeds": E.dpfedavg.seeds,
    },
)
TARGETS["dpfedavg"] = Target(
    ["accounting", "audit", "canaries", "canaries_by_cell"]
    + ["comparison_dpfedavg", "ledger", "claims_dpfedavg", "quality_by_epsilon"]
)
