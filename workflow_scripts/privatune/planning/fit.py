"""Fit costs of jobs by straight lines, and measure the error for jobs that were left out of the fit."""

from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

from privatune.planning.known import Line

FOLDS = 50  # the most fits of one line; with at most this many jobs, each is left out on its own
SPREAD = 1.5  # largest over smallest work; below this, a line's start cannot be separated from its slope
STARTING = 0.9  # the largest share of a job's cost that is assumed to be its start


def fit(work: Sequence[float], cost: Sequence[float], start: float, known: Line | None = None) -> Line:
    """Return the line with the least sum of squared relative errors.

    Args:
        work: the work of each job, at least 0. If it is 0 for all jobs, it is unknown, and the line is flat at the mean
            cost.
        cost: the cost of each job, above 0, in any unit.
        start: the most that a job costs before it does anything. It is used if all jobs have about the same work, so
            that they do not show it.
        known: a line of the same stage from another run, which is better than that guess. If it covers jobs with
            similar work, its shape is scaled to the cost of these jobs; otherwise it gives the other end of the line.
    """
    x, y = np.asarray(work, float), np.asarray(cost, float)
    if x.max() == 0:
        return Line(float(y.mean()), 0.0)
    if known and known.high > 0 and x.max() < SPREAD * x.min():
        if known.low / SPREAD < x.mean() < known.high * SPREAD:
            scale = float(y.mean() / known.at(x.mean()))
            return Line(scale * known.start, scale * known.rate, min(known.low, x.min()), max(known.high, x.max()))
        x, y = np.append(x, [known.low, known.high]), np.append(y, [known.at(known.low), known.at(known.high)])
    low, high = float(x.min()), float(x.max())
    if high < SPREAD * low:
        start = min(start, STARTING * float(y.mean()))
        return Line(start, float((y.mean() - start) / x.mean()), low, high)
    (start, rate), _ = nnls(np.stack([1 / y, x / high / y], axis=1), np.ones(len(y)))
    return Line(float(start), float(rate / high), low, high)


def held_out_error(
    work: Sequence[float], cost: Sequence[float], start: float, known: Line | None = None
) -> float | None:
    """Return the mean absolute relative error for jobs left out of the fit, each once; None if there is one job."""
    x, y = np.asarray(work, float), np.asarray(cost, float)
    folds = min(len(y), FOLDS)
    if folds < 2:
        return None
    errors = []
    for fold in range(folds):
        out = np.arange(len(y)) % folds == fold
        line = fit(x[~out], y[~out], start, known)
        errors.append(np.abs((line.start + line.rate * x[out]) / y[out] - 1))
    return float(np.mean(np.concatenate(errors)))
