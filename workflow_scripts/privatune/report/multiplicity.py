"""How many verdicts are chance: a table of many claims is bound to hold some that its intervals decide by accident."""

import math
from collections.abc import Sequence

from privatune.report.intervals import CONFIDENCE, Interval
from privatune.report.verdicts import UNDECIDED, Rule, verdict

CHANCE = 1 - CONFIDENCE


def p_value(rule: Rule, ours: Interval, paper: float) -> float:
    """The smallest share of wrong intervals at which the rule still decides; null where it never does.

    A claim is decided at 95 % where this is at most 5 %: the interval is widened until the verdict is undecided.
    """
    at = ours.at
    if at is None or rule.exact or math.isnan(ours.low):
        return math.nan

    def decided(p: float) -> bool:
        try:
            low, high = at(1 - p)
        except OverflowError:  # the exponential of an end that is far away
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
    """The values adjusted for their number (Holm, 1979), null ones left out of it.

    Take the verdicts whose adjusted value is at most 5 %: the chance that one or more of them is wrong is then at most
    5 %, however they depend on each other.

    >>> holm([0.01, math.nan, 0.04, 0.03])
    [0.03, nan, 0.06, 0.06]
    """
    order = sorted((value, place) for place, value in enumerate(p) if not math.isnan(value))
    adjusted, largest = [math.nan] * len(p), 0.0
    for rank, (value, place) in enumerate(order):
        largest = max(largest, min(1.0, value * (len(order) - rank)))
        adjusted[place] = largest
    return adjusted
