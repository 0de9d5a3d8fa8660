# Functions of rules/split.smk: which settings its jobs take.


def sending_settings(wildcards):
    """Return how the states of a job were sent, under all seeds."""
    return sent_as(wildcards, wildcards.importance)


def sendings_at(wildcards):
    """Return the same for each importance at a level of noise, in the order of the files."""
    return [sent_as(wildcards, importance) for importance in E.split.importances_of(wildcards.noise)]


def sent_as(wildcards, importance):
    """Return how states are sent at a cut and a level of noise."""
    return {
        "cut": int(wildcards.cut),
        "importance": importance,
        "noise": wildcards.noise,
        "numerics": numerics(1),
        "seeds": E.split.seeds,
    }
