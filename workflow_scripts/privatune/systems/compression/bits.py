"""Compute how many bits a method sends until it reaches a level of perplexity for good."""

import math
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from privatune.report.intervals import Interval, interval


class Span(NamedTuple):
    """The range of a positive number: both ends are equal if it is measured; 0 and infinity are no bounds."""

    low: float
    high: float

    def over(self, other: "Span") -> "Span":
        """Return the range of the ratio of the two numbers."""
        low = self.low / other.high if self.low and other.high < math.inf else 0.0
        return Span(low, self.high / other.low if other.low and self.high < math.inf else math.inf)


ANYWHERE = Span(0.0, math.inf)


def bits_to_keep(bits: Iterable[float], perplexity: Iterable[float], level: float) -> Span:
    """Return the bits sent when training reaches a level of perplexity for good: no later measured point is above it.

    Between two measured points, the logarithms of bits and perplexity are interpolated linearly. The first point that
    sent anything has no earlier point to interpolate from: if it is good enough, its bits are only an upper bound. If
    the last point is not good enough, all its bits are a lower bound.

    Args:
        bits: the bits sent by each measured point, ascending; 0 at the start.
        perplexity: the perplexity at each point.
        level: the level to be reached and kept.

    >>> bits_to_keep([0, 100, 1000, 10_000], [400, 90, 200, 50], 100)
    Span(low=3162.27766, high=3162.27766)
    >>> bits_to_keep([0, 100, 200], [400, 200, 150], 300), bits_to_keep([0, 100], [400, 200], 100)
    (Span(low=0.0, high=100.0), Span(low=100.0, high=inf))
    """
    b, p = np.array([*bits], float), np.array([*perplexity], float)
    last = int(np.flatnonzero(p > level).max(initial=-1))  # point above the level
    if last < 0:
        return Span(0.0, float(b[0]))
    if last == len(p) - 1:
        return Span(float(b[last]), math.inf)
    if b[last] == 0:
        return Span(0.0, float(b[last + 1]))
    share = math.log(p[last] / level) / math.log(p[last] / p[last + 1])
    found = round(float(b[last] ** (1 - share) * b[last + 1] ** share), 6)
    return Span(found, found)


def times_the_bits(ours: pd.DataFrame, theirs: pd.DataFrame, column: str) -> Span:
    """Return the bits of their training divided by those of ours, at the worse of the two final average perplexities.

    That level is the best that both keep, and taking the final values avoids selecting a minimum. If one of them ends
    no better than it began, the level is the end of the other, and all the bits that the first one sent are a lower
    bound.

    Args:
        ours, theirs: rows of the table `compression` for one method and seed each, in the order of steps, from the same
            start.
        column: which bits to count.
    """
    runs, start = (ours, theirs), ours["ppl_average"].iloc[0]
    better = [end for run in runs if (end := run["ppl_average"].iloc[-1]) < start]
    if not better:
        return ANYWHERE
    first, second = (bits_to_keep(run[column], run["ppl_average"], max(better)) for run in runs)
    return second.over(first)


def spanned(ratios: Iterable[Span]) -> Interval:
    """Return the geometric mean of one ratio per replicate, with an interval valid wherever they lie in their spans.

    Its low end is that of the t interval of the logarithms of the low ends, and its high end that of the high ends. One
    replicate without a lower bound therefore leaves the interval without one. So do bounds that are all equal, because
    they have no spread from which an interval could be made. A ratio that is only bounded enters the mean as its bound;
    the mean is null if a ratio has no bound at all.
    """
    with np.errstate(divide="ignore"):
        ends = np.log(np.array([*ratios], float).reshape(-1, 2))
    bounded, measured = np.isfinite(ends), np.array_equal(*ends.T)

    def of_side(side: np.ndarray, edge: float) -> Interval:
        tells = np.isfinite(side).all() and (measured or len(side) < 2 or np.ptp(side) > 0)
        return interval(side) if tells else Interval(math.nan, edge, edge, len(side))

    low, high = of_side(ends[:, 0], -math.inf), of_side(ends[:, 1], math.inf)
    one = np.where(bounded, ends, ends[:, ::-1])  # where one end is unbounded, take the other
    middle = float(one.mean()) if len(one) and np.isfinite(one).all() else math.nan

    def at(confidence: float, *n: int) -> tuple[float, float]:
        return (
            low.at(confidence, *n)[0] if low.at else low.low,
            high.at(confidence, *n)[1] if high.at else high.high,
        )

    made = Interval(middle, low.low, high.high, len(ends), low.sources or high.sources, at)
    return made.map(lambda value: float(np.exp(value)))


def pareto_front(bits: Iterable[float], perplexity: Iterable[float]) -> list[tuple[float, float]]:
    """Return the points that no other point beats in both bits and perplexity, by ascending bits.

    >>> pareto_front([1, 2, 3, 4], [9, 5, 7, 3])
    [(1, 9), (2, 5), (4, 3)]
    """
    front: list[tuple[float, float]] = []
    for point in sorted(zip(bits, perplexity, strict=True)):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    return front
