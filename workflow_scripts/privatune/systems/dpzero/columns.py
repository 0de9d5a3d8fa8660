"""Columns that only the tables of this system show."""

from privatune.report.columns import Column, decimals, digits
from privatune.report.intervals import Interval

WHOLE, ONE, TWO = (decimals(places) for places in range(3))

OWN = {
    "set": Column("set"),
    "name": Column("known as"),
    # what is trained, and how
    "scope": Column("what is trained"),
    "directions": Column("directions K", WHOLE),
    "batch": Column("expected batch", WHOLE),
    "forwards": Column("forward passes over a batch", WHOLE),
    "rate": Column("learning rate", digits(6)),
    "parameters": Column("trained weights", WHOLE),
    "bytes_per_step": Column("payload per step, bytes", WHOLE),
    # how good it is
    "accuracy_low": Column("accuracy, %: low", ONE),
    "accuracy_high": Column("accuracy, %: high", ONE),
    "seeds": Column("seeds", WHOLE),
    "majority": Column("majority class, %", ONE),
    "zero_shot": Column("zero-shot, %", ONE),
    "gain": Column("minus the non-private twin, points", ONE),
    "gain_low": Column("minus the twin: low", ONE),
    "gain_high": Column("minus the twin: high", ONE),
    "largest_change": Column("largest change of a weight", digits(3)),
    # the synthetic experiment
    "dimension": Column("dimension d", WHOLE),
    "error": Column("mean error", digits(3)),
    "error_low": Column("error: low", digits(3)),
    "error_high": Column("error: high", digits(3)),
    "slope": Column("slope of log error by log d", TWO),
    "slope_low": Column("slope: low", TWO),
    "slope_high": Column("slope: high", TWO),
    # costs, of which the cells are medians with their ranges, as text
    "row": Column("row"),
    "pass": Column("passes"),
    "path": Column("path"),
    "threads": Column("threads", WHOLE),
    "repeats": Column("repeats", WHOLE),
    "step_seconds": Column("seconds per step"),
    "seconds_over_inference": Column("seconds over inference"),
    "step_memory_mb": Column("peak memory of a step, MB"),
    "memory_over_inference": Column("memory over inference"),
}


def with_ends(key: str, made: Interval) -> dict[str, float]:
    """Return a mean and the ends of its interval as the columns KEY, KEY_low and KEY_high."""
    return {key: made.middle, f"{key}_low": made.low, f"{key}_high": made.high}
