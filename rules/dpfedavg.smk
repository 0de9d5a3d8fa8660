# DP-FedAvg (Ramaswamy et al., 2020): what user-level differential privacy costs, and what it is worth.


rule account:
    input:
        code=code("account"),
    output:
        "<results>/privacy/accounting.json",
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


PRIVATE_MODELS = [f"{OUT}/dpfedavg/{v}/seed-{seed}.json" for v in E.dpfedavg.run for seed in E.dpfedavg.seeds]
# n-gram models, and whose text they are made of: what the network replaces, and what text of the persons themselves would
# give without any protection; beside a model that is to protect them that must not be released
BASELINES = {"ngram-general": "general", "ngram-private": "private"}
if any(E.dpfedavg.variants[variant].privacy.secure for variant in E.dpfedavg.run):
    del BASELINES["ngram-private"]


PRIVATE_INPUTS = {
    "model": "<results>/dpfedavg/general.safetensors",
    "private": "<results>/text/private-train.safetensors",
    "general": "<results>/text/general-train.safetensors",
    "tokenizer": "<results>/text/tokenizer.json",
    "terms": "<results>/dpfedavg/{variant}/terms.json",
}
# of all rules of the training: a secret release goes on with the code that it was begun with
PRIVATE_CODE = code("private_slot", f"privatune.federation.objectives.{E.dpfedavg.training.client.objective}")


wildcard_constraints:
    slot=r"\d+",
    variant="|".join(map(re.escape, E.dpfedavg.variants)),
    baseline="|".join(BASELINES),


use rule pretrain as pretrain_private with:
    output:
        model="<results>/dpfedavg/general.safetensors",
        curve="<results>/dpfedavg/curve.csv",
    log:
        "<results>/logs/pretrain_private.log",
    benchmark:
        "<results>/benchmarks/pretrain_private.tsv"
    resources:
        **asked("pretrain_private"),
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


# The mechanism and its epsilon are written down before the training that they are about.
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
        settings=private_terms,
    script:
        "../workflow_scripts/guarantee.py"


# One job runs all rounds of a variant, and no update is ever written without noise; or a round fans out into slots.
if E.execution.private_slots == 0:

    rule train_private:
        input:
            **PRIVATE_INPUTS,
            code=PRIVATE_CODE,
        output:
            "<results>/dpfedavg/{variant}/seed-{seed}.safetensors",
        log:
            "<results>/logs/train_private/{variant}/seed-{seed}.log",
        benchmark:
            "<results>/benchmarks/train_private/{variant}/seed-{seed}.tsv"
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked("train_private"),
        params:
            settings=private_settings,
        script:
            "../workflow_scripts/train_private.py"

else:

    rule private_slot:
        input:
            **PRIVATE_INPUTS,
            state=private_state,
            code=PRIVATE_CODE,
        output:
            temp("<results>/dpfedavg/{variant}/seed-{seed}/round-{round}/slot-{slot}.safetensors"),
        log:
            "<results>/logs/private_slot/{variant}/seed-{seed}/round-{round}/slot-{slot}.log",
        benchmark:
            "<results>/benchmarks/private_slot/{variant}/seed-{seed}/round-{round}/slot-{slot}.tsv"
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked("private_slot"),
        params:
            settings=private_settings,
        script:
            "../workflow_scripts/private_slot.py"

    rule private_round:
        input:
            **PRIVATE_INPUTS,
            state=private_state,
            sums=private_sums,
            code=PRIVATE_CODE,
        output:
            temp("<results>/dpfedavg/{variant}/seed-{seed}/round-{round}/state.safetensors"),
        log:
            "<results>/logs/private_round/{variant}/seed-{seed}/round-{round}.log",
        benchmark:
            "<results>/benchmarks/private_round/{variant}/seed-{seed}/round-{round}.tsv"
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked("private_round"),
        params:
            settings=private_settings,
        script:
            "../workflow_scripts/private_round.py"

    rule private_model:
        input:
            state=f"{OUT}/dpfedavg/{{variant}}/seed-{{seed}}/round-{E.dpfedavg.training.rounds}/state.safetensors",
            code=code("private_model"),
        output:
            "<results>/dpfedavg/{variant}/seed-{seed}.safetensors",
        log:
            "<results>/logs/private_model/{variant}/seed-{seed}.log",
        benchmark:
            "<results>/benchmarks/private_model/{variant}/seed-{seed}.tsv"
        conda:
            "../envs/privatune.yaml"
        threads: 1
        resources:
            **asked("private_model"),
        params:
            settings={},
        script:
            "../workflow_scripts/private_model.py"


rule measure_private:
    input:
        model="<results>/dpfedavg/{variant}/seed-{seed}.safetensors",
        terms="<results>/dpfedavg/{variant}/terms.json",
        tokenizer="<results>/text/tokenizer.json",
        test="<results>/text/general-test.safetensors",
        heldout="<results>/text/private-heldout.safetensors",
        code=code("measure_private"),
    output:
        "<results>/dpfedavg/{variant}/seed-{seed}.json",
    log:
        "<results>/logs/measure_private/{variant}/seed-{seed}.log",
    benchmark:
        "<results>/benchmarks/measure_private/{variant}/seed-{seed}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("measure_private"),
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
        "../workflow_scripts/measure_private.py"


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
