"""Judge the claims of a paper by stated rules, from the measurements of replicates."""

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from privatune.core.proportions import share_interval
from privatune.report.intervals import CONFIDENCE, Interval

Tables = Mapping[str, pd.DataFrame]  # result tables and the paper's figures, by name

HOLDS, FAILS, UNDECIDED = "holds", "fails", "undecided"
MOST = 10_000  # the largest number of replicates to report; a claim that needs more lies at an edge


@dataclass(frozen=True)
class Rule:
    """How a verdict follows from our interval and the paper's figure; `verdict` applies it only if there is evidence.

    Attributes:
        text: the rule in words.
        judge: gives the verdict for our interval and the paper's figure.
        edges: gives, for the paper's figure, the values at which the verdict changes.
        exact: whether the figure is computed, so that one value without a spread decides.
    """

    text: str
    judge: Callable[[Interval, float], str]
    edges: Callable[[float], tuple[float, ...]] = lambda _: ()
    exact: bool = False


def verdict(rule: Rule, ours: Interval, paper: float) -> str:
    """Return the rule's verdict, or undecided without evidence: a null value, one replicate, or no spread.

    Values that are all equal have an interval of width 0. This shows that the measure is coarse or that one model was
    counted several times, not that the mean is known exactly.

    >>> verdict(lower(), Interval(-2, -3, -1, 5), 0), verdict(lower(), Interval(-2, -2, -2, 5), 0)
    ('holds', 'undecided')
    """
    least, spread = (1, ours.low <= ours.high) if rule.exact else (2, ours.low < ours.high)  # False if null
    return rule.judge(ours, paper) if spread and ours.n >= least and not math.isnan(ours.middle) else UNDECIDED


def replicates_needed(rule: Rule, ours: Interval, paper: float) -> float:
    """Return about how many replicates with the present mean and spread would decide the claim.

    Their interval, on the same text, must lie entirely on one side of the rule's edge that is nearest to the mean. The
    result is null if it is unknown: without a spread, or if MOST replicates would not be enough.

    >>> from privatune.report.intervals import interval
    >>> replicates_needed(lower(), interval([-2.0, -3.2, -0.8]), 0), replicates_needed(lower(), interval([-2.0]), 0)
    (4, nan)
    """
    at, edges = ours.at, [edge for edge in rule.edges(paper) if not math.isnan(edge)]
    if at is None or not edges or ours.n < 2 or not ours.low < ours.middle < ours.high:
        return math.nan
    edge = min(edges, key=lambda value: abs(value - ours.middle))

    def decided(n: int) -> bool:
        low, high = at(CONFIDENCE, n)
        return high < edge if edge > ours.middle else low > edge

    found = bisect_left(range(2, MOST + 1), True, key=decided) + 2
    return found if found <= MOST else math.nan


def shares_needed(rule: Rule, ours: Interval, paper: float) -> float:
    """Return what `replicates_needed` does, for the exact interval of a share in percent."""
    (edge,) = rule.edges(paper)
    for n in range(2, MOST + 1) if not math.isnan(ours.middle) else ():
        low, high = share_interval(round(n * ours.middle / 100), n)
        if 100 * low > edge or 100 * high < edge:
            return n
    return math.nan


@dataclass(frozen=True)
class Claim:
    """One claim of a paper. Functions of the tables give the paper's figure (null if it has none) and ours.

    `needed` gives how many replicates would decide the claim. A claim is `recalled` if it or its figure is quoted from
    memory and was not checked against the paper's text.
    """

    text: str
    unit: str
    paper: Callable[[Tables], float]
    ours: Callable[[Tables], Interval]
    rule: Rule
    needed: Callable[[Rule, Interval, float], float] = replicates_needed
    recalled: bool = False


def inside(ours: Interval, low: float, high: float) -> str:
    """Judge whether a range holds all, none or part of the interval; undecided if an end of the range is null.

    >>> inside(Interval(2, 1, 3, 5), 0, 3), inside(Interval(2, 1, 3, 5), 4, 5), inside(Interval(2, 1, 3, 5), 2, 5)
    ('holds', 'fails', 'undecided')
    """
    if low <= ours.low and ours.high <= high:
        return HOLDS
    return FAILS if ours.high < low or high < ours.low else UNDECIDED


def below(text: str, edge: Callable[[float], float]) -> Rule:
    """Require the whole interval to be below an edge, computed from the paper's figure; fail if it is wholly above."""

    def judge(ours: Interval, paper: float) -> str:
        return HOLDS if ours.high < edge(paper) else FAILS if ours.low > edge(paper) else UNDECIDED

    return Rule(f"holds if the whole interval is below {text}, fails if it is above", judge, lambda p: (edge(p),))


def above(text: str, edge: Callable[[float], float]) -> Rule:
    """Require the whole interval to be above an edge, computed from the paper's figure; fail if it is wholly below."""

    def judge(ours: Interval, paper: float) -> str:
        return HOLDS if ours.low > edge(paper) else FAILS if ours.high < edge(paper) else UNDECIDED

    return Rule(f"holds if the whole interval is above {text}, fails if it is below", judge, lambda p: (edge(p),))


def lower() -> Rule:
    """Require a negative change."""
    return below("0", lambda _: 0.0)


def higher() -> Rule:
    """Require a positive change."""
    return above("0", lambda _: 0.0)


def not_higher(margin: float) -> Rule:
    """Require a change that is negative or too small to matter."""
    return below(f"{margin:g}", lambda _: margin)


def not_lower(margin: float) -> Rule:
    """Require a change that is positive or too small to matter."""
    return above(f"{-margin:g}", lambda _: -margin)


def between(low: float, high: float) -> Rule:
    """Require a change in a range: two one-sided tests, each at 2.5 %."""
    return Rule(
        f"holds if the whole interval is between {low:g} and {high:g}, fails if all of it is outside",
        lambda ours, _: inside(ours, low, high),
        lambda _: (low, high),
    )


def within(margin: float) -> Rule:
    """Require a change that is too small to matter in either direction."""
    return between(-margin, margin)


def at_most(margin: float) -> Rule:
    """Require a figure that exceeds the paper's by at most a margin; it may be any amount lower."""
    return below(f"the paper's figure plus {margin:g}", lambda paper: paper + margin)


def at_least(margin: float) -> Rule:
    """Require a figure that falls short of the paper's by at most a margin; it may be any amount higher."""
    return above(f"the paper's figure minus {margin:g}", lambda paper: paper - margin)


def equals(margin: float) -> Rule:
    """Require a figure that is computed, not measured, to equal the paper's within a margin."""
    return Rule(
        f"holds if the figure is within {margin:g} of the paper's, fails if it is not",
        lambda ours, paper: inside(ours, paper - margin, paper + margin),
        lambda paper: (paper - margin, paper + margin),
        exact=True,
    )


def never(why: str) -> Rule:
    """Show a figure without judging it."""
    return Rule(f"shown but not judged: {why}", lambda ours, paper: UNDECIDED)
