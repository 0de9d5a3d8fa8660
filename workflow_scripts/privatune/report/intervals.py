"""Compute the mean of replicates and the interval where the mean of many more, on similar text, would lie.

There are two sources of error. One is the seed: each replicate draws its own devices. The other is the text: all
replicates are measured on one sample, whose persons and documents evaluation resamples
(`privatune.evaluation.resampling`). Every model gets the same resamples, so that what two models share cancels in their
difference. Each source has a Student's t interval, and the squares of their half-widths add (Howe, 1974), so a further
source never makes an interval narrower.
"""

import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from privatune.core.proportions import share_interval

CONFIDENCE = 0.95
SEEDS, TEXT, BOTH = "seeds", "text", "seeds and text"
TRIALS = "trials"  # the source of error of a share counted over independent trials
Contrast = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Interval(NamedTuple):
    """A mean with its 95 % confidence interval; `low` and `high` are null if no source of error is known.

    `n` counts replicates. A single replicate may have an interval too, from the text alone, but a rule that needs
    replicates does not decide by it. `sources` names the sources of error in the interval. `at` gives the ends at
    another confidence; its optional second argument is another number of replicates with the same mean and spread.
    """

    middle: float
    low: float
    high: float
    n: int
    sources: str = ""
    at: Callable[..., tuple[float, float]] | None = None

    def map(self, function: Callable[[float], float]) -> "Interval":
        """Return the interval of an increasing function of the quantity."""
        at = self.at

        def ends(*arguments: float) -> tuple[float, float]:
            low, high = at(*arguments)  # type: ignore[misc]
            return function(low), function(high)

        made = (function(self.middle), function(self.low), function(self.high))
        return Interval(*made, self.n, self.sources, ends if at else None)


UNKNOWN = Interval(math.nan, math.nan, math.nan, 0)  # that of no values


class Error(NamedTuple):
    """The variance of a mean due to one source, and its degrees of freedom."""

    variance: float
    freedom: float

    def half_width(self, confidence: float) -> float:
        """Return the half-width of the t interval."""
        return float(stdtrit(self.freedom, 0.5 + confidence / 2)) * math.sqrt(self.variance)


def interval(values: Iterable[float], text: Error | None = None) -> Interval:
    """Return the mean and the Student's t interval of independent values, without those that are null.

    Args:
        values: one value per replicate.
        text: what the choice of text adds to the error of the mean. It is ignored if there are several values and all
            are equal: then the measure is coarse or one model was counted several times, and an interval would look
            like evidence that does not exist.

    >>> [round(part, 2) for part in interval([1.0, 2.0, 3.0])[:3]]
    [2.0, -0.48, 4.48]
    >>> [round(part, 2) for part in interval([1.0, 2.0, 3.0], Error(1.0, 30))[:3]], interval([2.0], Error(1.0, 30))[3:5]
    ([2.0, -1.22, 5.22], (1, 'text'))
    """
    known = np.array([value for value in values if not math.isnan(value)], np.float64)
    if not len(known):
        return UNKNOWN
    middle = float(known.mean())
    errors = {TEXT: text} if text else {}
    if len(known) > 1:
        seeds = Error(float(known.var(ddof=1)) / len(known), len(known) - 1)
        errors = {SEEDS: seeds} | (errors if seeds.variance else {})
    if not errors:
        return Interval(middle, math.nan, math.nan, len(known))

    def at(confidence: float, n: int = len(known)) -> tuple[float, float]:
        of_n = {SEEDS: Error(float(known.var(ddof=1)) / n, n - 1)} if SEEDS in errors else {}
        half = math.hypot(*(error.half_width(confidence) for error in (errors | of_n).values()))
        return middle - half, middle + half

    return Interval(middle, *at(CONFIDENCE), len(known), BOTH if len(errors) > 1 else next(iter(errors)), at)


def share(found: int, n: int) -> Interval:
    """Return the percentage of n independent trials that found something, with Clopper and Pearson's (1934) interval.

    >>> [round(part, 2) for part in share(5, 100)[:3]], share(0, 0)[:4]
    ([5.0, 1.64, 11.28], (nan, nan, nan, 0))
    """
    if not n:
        return UNKNOWN

    def at(confidence: float, trials: int = n) -> tuple[float, float]:
        low, high = share_interval(round(found * trials / n), trials, confidence)
        return 100 * low, 100 * high

    return Interval(100 * found / n, *at(CONFIDENCE), n, TRIALS, at)


def values_of(models: pd.DataFrame, measure: str) -> pd.Series:
    """Return the values of one evaluated model by seed."""
    return models.set_index("seed")[measure].astype(float)


def matched(models: pd.DataFrame, reference: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of two evaluated models for the seeds that both have, ordered by seed.

    A model that does not depend on the seed (the initial one of round 0, or one without rounds) counts for every seed.
    """
    ours, theirs = models.set_index("seed"), reference.set_index("seed")
    if _seedless(reference):
        theirs = theirs.iloc[[0] * len(ours)].set_axis(ours.index)
    elif _seedless(models):
        ours = ours.iloc[[0] * len(theirs)].set_axis(theirs.index)
    common = ours.index.intersection(theirs.index).sort_values()
    return ours.loc[common], theirs.loc[common]


def _seedless(models: pd.DataFrame) -> bool:
    """Whether every seed has this same model; models that are not trained in rounds have no column `round`."""
    return len(models) > 0 and "round" in models and bool(models["round"].fillna(0).eq(0).all())


def paired(models: pd.DataFrame, reference: pd.DataFrame, measure: str) -> tuple[pd.Series, pd.Series]:
    """Return the values of two evaluated models for the seeds that both have."""
    ours, theirs = matched(models, reference)
    return ours[measure].astype(float), theirs[measure].astype(float)


def mean(models: pd.DataFrame, measure: str) -> Interval:
    """Return the mean of `models`, which has one row per seed."""
    rows = models.set_index("seed")
    return interval(rows[measure].astype(float), _text_error(rows, rows, measure, lambda ours, _: ours))


def difference(models: pd.DataFrame, reference: pd.DataFrame, measure: str) -> Interval:
    """Return the mean difference of `models` minus `reference`, paired by seed and by text."""
    return _compared(models, reference, measure, np.subtract)


def ratio(models: pd.DataFrame, reference: pd.DataFrame, measure: str) -> Interval:
    """Return the geometric mean of `models` / `reference`, paired by seed and text, with an interval on a log scale."""
    return _compared(models, reference, measure, lambda ours, theirs: np.log(ours / theirs)).map(_exponential)


def _exponential(value: float) -> float:
    return math.exp(min(value, 700.0))  # avoids overflow for an end that is far away


def with_ends(key: str, made: Interval) -> dict[str, float]:
    """Return a mean and the ends of its interval as the columns KEY, KEY_low and KEY_high."""
    return {key: made.middle, f"{key}_low": made.low, f"{key}_high": made.high}


def in_a_cell(resampled: Iterable[float]) -> str:
    """Return a measure on every resample as the text of a cell, which `mean` and `difference` read."""
    return " ".join(f"{value:.6g}" for value in resampled)


def text_errors(models: pd.DataFrame) -> pd.DataFrame:
    """Return, for each row and resampled measure, its standard error from the choice of text as `MEASURE_se`."""
    cells = models.filter(regex="_resampled$").fillna("")
    errors = cells.map(lambda cell: float(pd.Series(_values(cell)).std()))
    return errors.rename(columns=lambda column: column.replace("_resampled", "_se"))


def _values(cell: str) -> np.ndarray:
    return np.array(cell.split() or ["nan"] * 2).astype(np.float64)


def _compared(models: pd.DataFrame, reference: pd.DataFrame, measure: str, contrast: Contrast) -> Interval:
    ours, theirs = matched(models, reference)
    values = contrast(ours[measure].to_numpy(float), theirs[measure].to_numpy(float))
    return interval(values, _text_error(ours, theirs, measure, contrast))


def _text_error(ours: pd.DataFrame, theirs: pd.DataFrame, measure: str, contrast: Contrast) -> Error | None:
    """Return the text error of the mean contrast of paired rows; null if resamples are missing or do not match."""
    first, second = _resampled(ours, measure), _resampled(theirs, measure)
    if not first.size or first.shape != second.shape:
        return None
    means = contrast(first, second).mean(axis=0)
    means = means[np.isfinite(means)]
    counted = ["clusters"]  # of a model that is measured on a single text
    if "clusters" not in ours:
        both = ("general", "user")
        counted = [f"clusters_{text}" for text in [text for text in both if f"_{text}" in measure] or both]
    least = min(float(rows[column].min()) for rows in (ours, theirs) for column in counted)
    return Error(float(means.var(ddof=1)), least - 1) if len(means) > 1 else None


def _resampled(rows: pd.DataFrame, measure: str) -> np.ndarray:
    """Return a measure on every resample, [rows, resamples]; empty if a row has none or rows differ in their number."""
    column = f"{measure}_resampled"
    if column not in rows or rows[column].isna().any():
        return np.empty(0)
    cells = [_values(cell) for cell in rows[column]]
    return np.array(cells) if len({len(cell) for cell in cells}) == 1 else np.empty(0)
