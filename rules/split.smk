# Split-and-Privatize (Shen et al. 2023): a vendor fine-tunes on states that a customer privatised, and is attacked.


include: "functions/split.smk"


S = E.split
PAPER_SPLIT = os.path.relpath(f"{workflow.basedir}/report/split/paper.csv")
SPLIT_TOKENS = f"{OUT}/sentences/{S.set}/{S.encoder}/tokens.safetensors"
SPLIT_PUBLIC = f"{OUT}/sentences/{S.public}/{S.encoder}/tokens.safetensors"
SPLIT_ENCODER = encoder_files(S.encoder)
SENT = "<results>/split/{cut}/{noise}/{importance}"
SENT_STATES = [f"{SENT}/seed-{seed}/sent.safetensors" for seed in S.seeds]
SENT_MESSAGES = [f"{SENT}/seed-{seed}/messages.safetensors" for seed in S.seeds]
SENDINGS = [f"{OUT}/split/{sending.cut}/{sending.noise}/{sending.importance}" for sending in S.sendings()]


wildcard_constraints:
    cut=r"\d+",
    noise=r"none|(kappa|eta)-[0-9.e+-]+",
    importance="none|cti|public",


# Messages of a few persons: half of them are the customer's, and of the other half the attacker knows who wrote them.
rule encode_messages:
    input:
        corpus=f"{OUT}/corpora/{S.attribute.source}.parquet",
        tokenizer=f"{OUT}/encoders/{S.encoder}/tokenizer.json",
        code=code("encode_messages"),
    output:
        messages="<results>/split/messages.safetensors",
        known="<results>/split/known.safetensors",
    log:
        "<results>/logs/encode_messages.log",
    benchmark:
        "<results>/benchmarks/encode_messages.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("encode_messages"),
    params:
        settings=plain({"attribute": S.attribute, "seed": E.seed}),
    script:
        "../workflow_scripts/encode_messages.py"


# The customer's states without noise never leave the customer.
rule cut_customer:
    input:
        tokens=SPLIT_TOKENS,
        messages="<results>/split/messages.safetensors",
        encoder=SPLIT_ENCODER,
        code=code("cut_customer"),
    output:
        states="<results>/split/states/cut-{cut}/private.safetensors",
        messages="<results>/split/states/cut-{cut}/messages.safetensors",
    log:
        "<results>/logs/cut_customer/{cut}.log",
    benchmark:
        "<results>/benchmarks/cut_customer/{cut}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("cut_customer"),
    params:
        settings=plain(numerics(1)),
    script:
        "../workflow_scripts/cut_customer.py"


rule cut_public:
    input:
        tokens=SPLIT_PUBLIC,
        known="<results>/split/known.safetensors",
        encoder=SPLIT_ENCODER,
        code=code("cut_public"),
    output:
        states="<results>/split/states/cut-{cut}/public.safetensors",
        known="<results>/split/states/cut-{cut}/known.safetensors",
        distance="<results>/split/states/cut-{cut}/distance.json",
    log:
        "<results>/logs/cut_public/{cut}.log",
    benchmark:
        "<results>/benchmarks/cut_public/{cut}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("cut_public"),
    params:
        settings=plain(numerics(1)),
    script:
        "../workflow_scripts/cut_public.py"


# What is sent is large, so it is deleted when the vendor and the attacker have read it.
rule send_states:
    input:
        tokens=SPLIT_TOKENS,
        states="<results>/split/states/cut-{cut}/private.safetensors",
        messages="<results>/split/messages.safetensors",
        message_states="<results>/split/states/cut-{cut}/messages.safetensors",
        public=SPLIT_PUBLIC,
        distance="<results>/split/states/cut-{cut}/distance.json",
        encoder=SPLIT_ENCODER,
        code=code("send_states"),
    output:
        sent=temp(SENT_STATES),
        messages=temp(SENT_MESSAGES),
        terms=f"{SENT}/terms.json",
    log:
        "<results>/logs/send_states/{cut}/{noise}/{importance}.log",
    benchmark:
        "<results>/benchmarks/send_states/{cut}/{noise}/{importance}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("send_states"),
    params:
        settings=lambda wildcards: plain(sending_settings(wildcards)),
    script:
        "../workflow_scripts/send_states.py"


# All importances at a level of noise in one job, because loading the encoder takes as long as a training.
rule fine_tune_tops:
    input:
        sent=lambda wildcards: expand(SENT_STATES, importance=S.importances_of(wildcards.noise), allow_missing=True),
        encoder=SPLIT_ENCODER,
        code=code("fine_tune_tops"),
    output:
        "<results>/split/{cut}/{noise}/tops.json",
    log:
        "<results>/logs/fine_tune_tops/{cut}/{noise}.log",
    benchmark:
        "<results>/benchmarks/fine_tune_tops/{cut}/{noise}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("fine_tune_tops"),
    params:
        settings=lambda wildcards: plain(
            {"seed": E.seed, "sendings": sendings_at(wildcards), "set": S.set, "top": S.top}
        ),
    script:
        "../workflow_scripts/fine_tune_tops.py"


# The attacker reads what is sent, public text, messages whose authors are known, and the encoder; nothing else.
rule guess_sent:
    input:
        sent=SENT_STATES,
        messages=SENT_MESSAGES,
        public=SPLIT_PUBLIC,
        public_states="<results>/split/states/cut-{cut}/public.safetensors",
        known="<results>/split/known.safetensors",
        known_states="<results>/split/states/cut-{cut}/known.safetensors",
        distance="<results>/split/states/cut-{cut}/distance.json",
        tokenizer=f"{OUT}/encoders/{S.encoder}/tokenizer.json",
        encoder=SPLIT_ENCODER,
        code=code("guess_sent", *(f"privatune.attacks.inversion.{attack}" for attack in S.attacks)),
    output:
        guesses=f"{SENT}/guesses.safetensors",
        examples=f"{SENT}/examples.json",
    log:
        "<results>/logs/guess_sent/{cut}/{noise}/{importance}.log",
    benchmark:
        "<results>/benchmarks/guess_sent/{cut}/{noise}/{importance}.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("guess_sent"),
    params:
        settings=lambda wildcards: plain(
            S.model_dump(include={"attacked", "attacks", "examples", "inversion"})
            | {"sending": sending_settings(wildcards)}
        ),
    script:
        "../workflow_scripts/guess_sent.py"


rule score_attacks:
    input:
        guesses=[f"{folder}/guesses.safetensors" for folder in SENDINGS],
        tokens=SPLIT_TOKENS,
        messages="<results>/split/messages.safetensors",
        public=SPLIT_PUBLIC,
        code=code("score_attacks"),
    output:
        "<results>/split/scores.json",
    log:
        "<results>/logs/score_attacks.log",
    benchmark:
        "<results>/benchmarks/score_attacks.tsv"
    conda:
        "../envs/privatune.yaml"
    threads: 1
    resources:
        **asked("score_attacks"),
    params:
        settings={},
    script:
        "../workflow_scripts/score_attacks.py"


TABLES |= {
    "split": Part(
        "split",
        "Split",
        {
            "terms": [f"{folder}/terms.json" for folder in SENDINGS],
            "tops": expand(f"{OUT}/split/{{cut}}/{{noise}}/tops.json", cut=S.cuts, noise=S.noises),
            "scores": f"{OUT}/split/scores.json",
        },
    ),
    "recovered": Part("split", "Split", {"examples": [f"{folder}/examples.json" for folder in SENDINGS]}),
}
TABLES["claims_split"] = claims("split", split=table_file("split"), paper=PAPER_SPLIT)
PAGES["split"] = page(
    "split",
    "split",
    "claims_split",
    keys=[*SENTENCE_KEYS, "split"],
    sizes={"encoder": S.encoder, "set": S.set, "seeds": S.seeds},
)
FIGURES |= {
    "accuracy_by_privacy": Part("split", "Split", {"split": table_file("split")}),
    "recovery_by_depth": Part("split", "Split", {"split": table_file("split")}),
}
TARGETS["split"] = Target(["split", "recovered", "claims_split", "accuracy_by_privacy", "recovery_by_depth"])
