"""What replicates tell: a mean, and where the mean of many more, on other text of the same kind, would lie.

Two sources of error are known. Seeds: a replicate draws its own devices. Text: all replicates are measured on one
sample, whose persons and documents evaluation resamples (`privatune.evaluation.resampling`), the same ones for every
model, so that what two models share cancels in their difference. Each source has an interval of Student's t; the
squares of their half-widths add (Howe, 1974), so that no source makes an interval narrower than it is without it.
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
TRIALS = "trials"  # of which a share was counted
Contrast = Callable[[np.ndarray, np.ndarray], np.ndarray]


class Interval(NamedTuple):
    """A mean with its 95 % confidence interval; `low` and `high` are null where no source of error is known.

    `n` counts replicates. One may have an interval too, of the text alone, by which no rule that asks for replicates
    holds. `sources` names what the interval knows of. `at` gives its ends at another confidence, and with a second
    argument those of another number of replicates of the same mean and spread.
    """

    middle: float
    low: float
    high: float
    n: int
    sources: str = ""
    at: Callable[..., tuple[float, float]] | None = None

    def map(self, function: Callable[[float], float]) -> "Interval":
        """The interval of a rising function of the quantity."""
        at = self.at

        def ends(*arguments: float) -> tuple[float, float]:
            low, high = at(*arguments)  # type: ignore[misc]
            return function(low), function(high)

        made = (function(self.middle), function(self.low), function(self.high))
        return Interval(*made, self.n, self.sources, ends if at else None)


class Error(NamedTuple):
    """The variance of a mean by one source, and its degrees of freedom."""

    variance: float
    freedom: float

    def half_width(self, confidence: float) -> float:
        """Of the t-interval."""
        return float(stdtrit(self.freedom, 0.5 + confidence / 2)) * math.sqrt(self.variance)


def interval(values: Iterable[float], text: Error | None = None) -> Interval:
    """Mean and Student's t-interval of independent values, null ones left out.

    Args:
        values: one of each replicate.
        text: what the choice of text adds to the error of their mean. It is left out where two values or more are all
            equal: that says that the measure is coarse or one model was counted several times, and no interval should
            look like evidence.

    >>> [round(part, 2) for part in interval([1.0, 2.0, 3.0])[:3]]
    [2.0, -0.48, 4.48]
    >>> [round(part, 2) for part in interval([1.0, 2.0, 3.0], Error(1.0, 30))[:3]], interval([2.0], Error(1.0, 30))[3:5]
    ([2.0, -1.22, 5.22], (1, 'text'))
    """
    known = np.array([value for value in values if not math.isnan(value)], np.float64)
    if not len(known):
        return Interval(math.nan, math.nan, math.nan, 0)
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
    """Percent of n independent trials in which something was found, with the interval of Clopper and Pearson (1934).

    >>> [round(part, 2) for part in share(5, 100)[:3]], share(0, 0)[:4]
    ([5.0, 1.64, 11.28], (nan, nan, nan, 0))
    """
    if not n:
        return Interval(math.nan, math.nan, math.nan, 0)

    def at(confidence: float, trials: int = n) -> tuple[float, float]:
        low, high = share_interval(round(found * trials / n), trials, confidence)
        return 100 * low, 100 * high

    return Interval(100 * found / n, *at(CONFIDENCE), n, TRIALS, at)


def values_of(models: pd.DataFrame, measure: str) -> pd.Series:
    """The values of one evaluated model by seed."""
    return models.set_index("seed")[measure].astype(float)


def matched(models: pd.DataFrame, reference: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows of two evaluated models under the same seeds, by seed.

    A model that no seed concerns is the same under all: the initial one, of round 0, or one without rounds.
    """
    ours, theirs = models.set_index("seed"), reference.set_index("seed")
    if len(reference) and reference["round"].fillna(0).eq(0).all():
        theirs = theirs.iloc[[0] * len(ours)].set_axis(ours.index)
    elif len(models) and models["round"].fillna(0).eq(0).all():
        ours = ours.iloc[[0] * len(theirs)].set_axis(theirs.index)
    common = ours.index.intersection(theirs.index).sort_values()
    return ours.loc[common], theirs.loc[common]


def paired(models: pd.DataFrame, reference: pd.DataFrame, measure: str) -> tuple[pd.Series, pd.Series]:
    """The values of two evaluated models under the same seeds."""
    ours, theirs = matched(models, reference)
    return ours[measure].astype(float), theirs[measure].astype(float)


def mean(models: pd.DataFrame, measure: str) -> Interval:
    """Of `models`, one row a seed."""
    rows = models.set_index("seed")
    return interval(rows[measure].astype(float), _text_error(rows, rows, measure, lambda ours, _: ours))


def difference(models: pd.DataFrame, reference: pd.DataFrame, measure: str) -> Interval:
    """Of `models` minus `reference`, paired by seed and by text."""
    return _compared(models, reference, measure, np.subtract)


def ratio(models: pd.DataFrame, reference: pd.DataFrame, measure: str) -> Interval:
    """Geometric mean of `models` over `reference`, paired by seed and by text; its interval is one of the logarithm."""
    return _compared(models, reference, measure, lambda ours, theirs: np.log(ours / theirs)).map(_exponential)


def _exponential(value: float) -> float:
    return math.exp(min(value, 700.0))  # an end that is far away stays a number


def text_errors(models: pd.DataFrame) -> pd.DataFrame:
    """Of every measure that was resampled its standard error from the choice of text, `MEASURE_se`, row by row."""
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
    """Of the mean contrast of rows that lie side by side; null where some have no resamples, or not the same ones."""
    first, second = _resampled(ours, measure), _resampled(theirs, measure)
    if not first.size or first.shape != second.shape:
        return None
    means = contrast(first, second).mean(axis=0)
    means = means[np.isfinite(means)]
    both = ("general", "user")
    counted = [f"clusters_{text}" for text in [text for text in both if f"_{text}" in measure] or both]
    least = min(float(rows[column].min()) for rows in (ours, theirs) for column in counted)
    return Error(float(means.var(ddof=1)), least - 1) if len(means) > 1 else None


def _resampled(rows: pd.DataFrame, measure: str) -> np.ndarray:
    """A measure on every resample, [rows, resamples]; empty where a row has none or rows differ in their number."""
    column = f"{measure}_resampled"
    if column not in rows or rows[column].isna().any():
        return np.empty(0)
    cells = [_values(cell) for cell in rows[column]]
    return np.array(cells) if len({len(cell) for cell in cells}) == 1 else np.empty(0)
