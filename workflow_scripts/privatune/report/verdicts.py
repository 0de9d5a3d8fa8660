"""Claims of a paper, judged by stated rules from what replicates measured."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from privatune.report.intervals import Interval

Tables = Mapping[str, pd.DataFrame]  # result tables and the paper's figures, by name

HOLDS, FAILS, UNDECIDED = "holds", "fails", "undecided"


@dataclass(frozen=True)
class Rule:
    """How a verdict follows from our interval and the paper's figure."""

    text: str
    judge: Callable[[Interval, float], str]


@dataclass(frozen=True)
class Claim:
    """One claim of a paper. Both functions take the tables; `paper` gives null where the paper has no figure."""

    text: str
    unit: str
    paper: Callable[[Tables], float]
    ours: Callable[[Tables], Interval]
    rule: Rule


def verdict(rule: Rule, ours: Interval, paper: float) -> str:
    """What the rule says; undecided where fewer than two values give no interval."""
    return UNDECIDED if math.isnan(ours.low) else rule.judge(ours, paper)


def inside(ours: Interval, low: float, high: float) -> str:
    """Whether a range holds the whole interval, none of it, or a part.

    >>> inside(Interval(2, 1, 3, 5), 0, 3), inside(Interval(2, 1, 3, 5), 4, 5), inside(Interval(2, 1, 3, 5), 2, 5)
    ('holds', 'fails', 'undecided')
    """
    if low <= ours.low and ours.high <= high:
        return HOLDS
    return FAILS if ours.high < low or high < ours.low else UNDECIDED


def lower() -> Rule:
    """A change that must be negative."""
    return Rule(
        "holds if the whole interval is below 0, fails if it is above 0",
        lambda ours, _: HOLDS if ours.high < 0 else FAILS if ours.low > 0 else UNDECIDED,
    )


def higher() -> Rule:
    """A change that must be positive."""
    return Rule(
        "holds if the whole interval is above 0, fails if it is below 0",
        lambda ours, _: HOLDS if ours.low > 0 else FAILS if ours.high < 0 else UNDECIDED,
    )


def not_higher(margin: float) -> Rule:
    """A change that may be negative or too small to see."""

    def judge(ours: Interval, _: float) -> str:
        if ours.low > 0:
            return FAILS
        return HOLDS if ours.high < margin else UNDECIDED

    return Rule(
        f"holds if the interval does not start above 0 and ends below {margin:g}, fails if it starts above 0", judge
    )


def little(margin: float) -> Rule:
    """A change that must be small, whatever its sign."""
    return Rule(
        f"holds if the whole interval is within {margin:g} of 0, fails if none of it is",
        lambda ours, _: inside(ours, -margin, margin),
    )


def about(margin: float) -> Rule:
    """A figure that must be near the paper's."""
    return Rule(
        f"holds if the whole interval is within {margin:g} of the paper's figure, fails if none of it is",
        lambda ours, paper: inside(ours, paper - margin, paper + margin),
    )


def at_most() -> Rule:
    """A cost that must not exceed the paper's."""
    return Rule(
        "holds if the whole interval is at or below the paper's figure, fails if it is above",
        lambda ours, paper: inside(ours, -math.inf, paper),
    )
