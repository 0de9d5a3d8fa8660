# Functions of rules/dpzero.smk: which files and settings its jobs take.


def dpzero_files(wildcards):
    """Return the sentences that a method reads; every scope but that of the head also needs the encoder."""
    scope = E.dpzero.methods[wildcards.classifier].scope
    sentences = f"{OUT}/sentences/{wildcards.set}/{E.dpzero.encoder}"
    files = {"examples": f"{sentences}/{scope.reads}.safetensors", "vectors": f"{sentences}/vectors.safetensors"}
    return files if scope.name == "head" else files | {"encoder": encoder_files(E.dpzero.encoder)}


def dpzero_settings(wildcards):
    """Return what the classifiers of one method at one epsilon depend on."""
    d = E.dpzero
    method = d.methods[wildcards.classifier]
    return plain(
        {
            "epsilon": None if wildcards.level == NONE else float(wildcards.level),
            "head": d.head,
            "method": wildcards.classifier,
            "numerics": numerics(1),
            "privacy": d.privacy,
            "secrets": "secrets" if d.privacy.secure and wildcards.level != NONE else None,
            "seed": E.seed,
            "seeds": method.seeds or d.seeds,
            "set": wildcards.set,
            "settings": method.model_dump(exclude={"epsilons", "leave_out", "seeds"}),
            "tuning": d.tuning,
        }
    )
