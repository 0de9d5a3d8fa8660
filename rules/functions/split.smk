# Functions of rules/split.smk: which settings its jobs take.


def sending_settings(wildcards):
    """Return how the states of a job were sent, under all seeds."""
    return {
        "cut": int(wildcards.cut),
        "importance": wildcards.importance,
        "noise": wildcards.noise,
        "numerics": numerics(1),
        "seeds": E.split.seeds,
    }
