"""Costs as straight lines, fitted to what jobs took, and how far they are off for jobs that they were not fitted to."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.optimize import nnls

FOLDS = 50  # most fits of one line; up to as many jobs each is left out alone
SPREAD = 1.5  # of the largest work over the smallest, below which a line's start cannot be told from its slope
STARTING = 0.9  # most of a job's cost that its start is guessed to be


class Line(NamedTuple):
    """What a job costs: `start` and, for each unit of its work, `rate`; neither is negative."""

    start: float
    rate: float
    low: float = 0.0
    high: float = 0.0
    """The least and the most work that it was fitted to."""

    def at(self, work: float) -> float:
        """The cost of a job with so much work."""
        return self.start + self.rate * work


def fit(work: Sequence[float], cost: Sequence[float], start: float, known: Line | None = None) -> Line:
    """The line with the least sum of squared relative errors.

    Args:
        work: of each job, at least 0; 0 for all where nothing is known of it: then the line is flat, at the mean cost.
        cost: of each job, above 0, in any unit.
        start: what a job costs before it does anything, at most: the guess where all have about the same work, so that
            they cannot tell.
        known: a line of the same stage from elsewhere, better than the guess. About jobs like these it gives the line's
            form, to be scaled to their cost; about others it gives the line's other end.
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
    """Mean absolute relative error for jobs that were left out of the fit, each once; None where there is one job."""
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
