"""What replicates tell: a mean, and where the mean of many more would lie."""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

CONFIDENCE = 0.95


class Interval(NamedTuple):
    """A mean with its 95 % confidence interval; `low` and `high` are null with fewer than two values, all without."""

    middle: float
    low: float
    high: float
    n: int

    def map(self, function: Callable[[float], float]) -> "Interval":
        """The interval of a rising function of the quantity."""
        return Interval(function(self.middle), function(self.low), function(self.high), self.n)


def interval(values: Iterable[float]) -> Interval:
    """Mean and Student's t-interval of independent values, null ones left out.

    >>> [round(part, 2) for part in interval([1.0, 2.0, 3.0])]
    [2.0, -0.48, 4.48, 3]
    """
    known = np.array([value for value in values if not math.isnan(value)], np.float64)
    if not len(known):
        return Interval(math.nan, math.nan, math.nan, 0)
    middle = float(known.mean())
    if len(known) < 2:
        return Interval(middle, math.nan, math.nan, 1)
    half = float(stdtrit(len(known) - 1, 0.5 + CONFIDENCE / 2) * known.std(ddof=1) / math.sqrt(len(known)))
    return Interval(middle, middle - half, middle + half, len(known))


def values_of(models: pd.DataFrame, measure: str) -> pd.Series:
    """The values of one evaluated model by seed."""
    return models.set_index("seed")[measure].astype(float)


def paired(models: pd.DataFrame, reference: pd.DataFrame, measure: str) -> tuple[pd.Series, pd.Series]:
    """The values of two evaluated models under the same seeds; the initial model is the same under every seed."""
    ours, theirs = values_of(models, measure), values_of(reference, measure)
    if len(reference) and (reference["round"] == 0).all():
        theirs = pd.Series(theirs.iloc[0], ours.index)
    elif len(models) and (models["round"] == 0).all():
        ours = pd.Series(ours.iloc[0], theirs.index)
    common = ours.index.intersection(theirs.index).sort_values()
    return ours[common], theirs[common]


def difference(models: pd.DataFrame, reference: pd.DataFrame, measure: str) -> Interval:
    """Of `models` minus `reference`, paired by seed."""
    ours, theirs = paired(models, reference, measure)
    return interval(ours - theirs)


def ratio(models: pd.DataFrame, reference: pd.DataFrame, measure: str) -> Interval:
    """Geometric mean of `models` over `reference`, paired by seed; its interval is one of the logarithm."""
    ours, theirs = paired(models, reference, measure)
    return interval(np.log(ours / theirs)).map(math.exp)
