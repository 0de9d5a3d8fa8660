"""Columns that only the tables of this system show."""

from privatune.report.columns import Column, decimals, digits

WHOLE, TWO = decimals(0), decimals(2)

OWN = {
    # what is trained, and how
    "scope": Column("what is trained"),
    "directions": Column("directions K", WHOLE),
    "forwards": Column("forward passes over a batch", WHOLE),
    "bytes_per_step": Column("payload per step, bytes", WHOLE),
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
    "step_seconds": Column("seconds per step"),
    "seconds_over_inference": Column("seconds over inference"),
    "step_memory_mb": Column("peak memory of a step, MB"),
    "memory_over_inference": Column("memory over inference"),
}
