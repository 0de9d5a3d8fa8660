"""Estimate how the error of a method grows with the dimension: the slope of their logarithms, by a bootstrap."""

import math

import numpy as np
import pandas as pd

from privatune.core.streams import stream
from privatune.report.intervals import CONFIDENCE, SEEDS, Error, Interval

RESAMPLES = 2000


def slope(rows: pd.DataFrame) -> Interval:
    """Return the slope of the logarithm of the mean error by that of the dimension, over replicates.

    The interval is that of Student's t with the standard error of a bootstrap, which draws replicates again for each
    dimension, one fewer than there are (Rao and Wu, 1988). It is null with one replicate, and so is the slope with one
    dimension.

    Args:
        rows: of one method in the table `dimension`, with `dimension`, `replicate` and `error`.
    """
    known = rows[rows["error"].astype(float) > 0]
    errors = known.pivot_table(index="replicate", columns="dimension", values="error").dropna().astype(float)
    n, dimensions = errors.shape
    if dimensions < 2 or not n:
        return Interval(math.nan, math.nan, math.nan, 0)
    values, logs = errors.to_numpy(), np.log(errors.columns.to_numpy(float))
    middle = float(_fitted(logs, values.mean(axis=0)))
    if n < 2:
        return Interval(middle, math.nan, math.nan, n)
    drawn = stream(0, "bootstrap of slopes").integers(0, n, (RESAMPLES, n - 1, dimensions))
    variance = float(_fitted(logs, values[drawn, np.arange(dimensions)].mean(axis=1)).var(ddof=1))

    def ends(confidence: float, replicates: int = n) -> tuple[float, float]:
        half = Error(variance * n / replicates, replicates - 1).half_width(confidence)
        return middle - half, middle + half

    return Interval(middle, *ends(CONFIDENCE), n, SEEDS, ends)


def _fitted(logs: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """Return slopes by least squares, [...], of errors [..., dimensions] by the logarithms of the dimensions."""
    centred = logs - logs.mean()
    return np.log(errors) @ centred / (centred @ centred)
