"""Account for the number of claims: in a table of many claims, some intervals decide a verdict by chance."""

import math
from collections.abc import Sequence

from privatune.report.intervals import CONFIDENCE, Interval
from privatune.report.verdicts import UNDECIDED, Rule, verdict

CHANCE = 1 - CONFIDENCE


def p_value(rule: Rule, ours: Interval, paper: float) -> float:
    """Return the smallest error rate of an interval at which the rule still decides; null if it never does.

    The interval is widened until the verdict is undecided. A claim is decided at 95 % if the p-value is at most 5 %.
    """
    at = ours.at
    if at is None or rule.exact or math.isnan(ours.low):
        return math.nan

    def decided(p: float) -> bool:
        try:
            low, high = at(1 - p)
        except OverflowError:  # an end is so far away that its exponential overflows
            return False
        return verdict(rule, ours._replace(low=low, high=high), paper) != UNDECIDED

    low, high = math.log(1e-9), math.log(1 - 1e-6)
    if not decided(math.exp(high)):
        return math.nan
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (low, middle) if decided(math.exp(middle)) else (middle, high)
    return math.exp(high)


def holm(p: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for their number (Holm, 1979); null values are not counted.

    Among the verdicts whose adjusted value is at most 5 %, the probability that one or more is wrong is at most 5 %,
    however they depend on each other.

    >>> holm([0.01, math.nan, 0.04, 0.03])
    [0.03, nan, 0.06, 0.06]
    """
    order = sorted((value, place) for place, value in enumerate(p) if not math.isnan(value))
    adjusted, largest = [math.nan] * len(p), 0.0
    for rank, (value, place) in enumerate(order):
        largest = max(largest, min(1.0, value * (len(order) - rank)))
        adjusted[place] = largest
    return adjusted
