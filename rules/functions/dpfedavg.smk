# Functions of rules/dpfedavg.smk: which files and settings its jobs take.


def dp_terms(wildcards):
    """Return what a variant's mechanism and its epsilon depend on."""
    variant, training = E.dpfedavg.variants[wildcards.variant], E.dpfedavg.training
    return plain(
        {
            "carriers": training.canaries.carriers if variant.carriers else 0,
            "cohort": training.cohort.size,
            "participation": training.canaries.participation if variant.carriers else 0.0,
            "privacy": variant.privacy,
            "rounds": training.cohort.rounds,
        }
    )


def dp_settings(wildcards):
    """Return what every job of a variant's training uses in addition to its mechanism."""
    variant, training = E.dpfedavg.variants[wildcards.variant], E.dpfedavg.training
    planted = training.canaries.model_dump(exclude={"participation", "references"})
    # `secrets` is outside the results, because `make clean` removes only what can be made again, and a secret cannot
    return plain(
        {
            "canaries": planted if variant.carriers else None,
            "client": training.client,
            "numerics": numerics(1) | {"precision": "float32"},
            "optimiser": training.optimiser,
            "secrets": "secrets" if variant.privacy.secure else None,
            "shards": max(1, E.execution.dp_shards),
            "vocabulary": training.vocabulary,
        }
    )


def dp_state(wildcards):
    """Return the state that a round continues from; the first round needs only the model."""
    before = int(wildcards.round) - 1
    chain = f"{OUT}/dpfedavg/{wildcards.variant}/seed-{wildcards.seed}"
    return f"{chain}/round-{before}/state.safetensors" if before else []


def dp_sums(wildcards):
    """Return the sums of a round's shards."""
    round = f"{OUT}/dpfedavg/{wildcards.variant}/seed-{wildcards.seed}/round-{wildcards.round}"
    return [f"{round}/shard-{shard}.safetensors" for shard in range(E.execution.dp_shards)]
