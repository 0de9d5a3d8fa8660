"""Claims of a paper, judged by stated rules from what replicates measured."""

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd

from privatune.core.proportions import share_interval
from privatune.report.intervals import CONFIDENCE, Interval

Tables = Mapping[str, pd.DataFrame]  # result tables and the paper's figures, by name

HOLDS, FAILS, UNDECIDED = "holds", "fails", "undecided"
MOST = 10_000  # replicates; what needs more is next to an edge


@dataclass(frozen=True)
class Rule:
    """How a verdict follows from our interval and the paper's figure; `verdict` asks it only where there is evidence.

    Attributes:
        text: the rule in words.
        judge: of our interval and the paper's figure.
        edges: of the paper's figure: where one verdict ends and another begins.
        exact: the figure is computed, so one value without a spread decides.
    """

    text: str
    judge: Callable[[Interval, float], str]
    edges: Callable[[float], tuple[float, ...]] = lambda _: ()
    exact: bool = False


def verdict(rule: Rule, ours: Interval, paper: float) -> str:
    """What the rule says, and undecided without evidence: of a null value, one replicate, or replicates without spread.

    Values that are all equal have an interval of no width. That says that the measure is coarse or that one model was
    counted several times, not that the mean is known.

    >>> verdict(lower(), Interval(-2, -3, -1, 5), 0), verdict(lower(), Interval(-2, -2, -2, 5), 0)
    ('holds', 'undecided')
    """
    least, spread = (1, ours.low <= ours.high) if rule.exact else (2, ours.low < ours.high)  # no when null
    return rule.judge(ours, paper) if spread and ours.n >= least and not math.isnan(ours.middle) else UNDECIDED


def replicates_needed(rule: Rule, ours: Interval, paper: float) -> float:
    """About how many replicates would decide, were their mean and spread those of the ones at hand.

    The interval that they would have, on the same text, must lie wholly on one side of the edge of the rule that is
    nearest to the mean. Null where that cannot be told: without a spread, or if MOST replicates were not enough.

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
    """As `replicates_needed`, where the interval is the exact one of a share, in percent."""
    (edge,) = rule.edges(paper)
    for n in range(2, MOST + 1) if ours.middle > edge else ():
        if 100 * share_interval(round(n * ours.middle / 100), n)[0] > edge:
            return n
    return math.nan


@dataclass(frozen=True)
class Claim:
    """One claim of a paper. Functions of the tables give the paper's figure, null where it has none, and ours.

    `needed` says how many replicates would decide it. A claim is `recalled` where it or its figure is known from memory
    and was not read in the paper's text.
    """

    text: str
    unit: str
    paper: Callable[[Tables], float]
    ours: Callable[[Tables], Interval]
    rule: Rule
    needed: Callable[[Rule, Interval, float], float] = replicates_needed
    recalled: bool = False


def inside(ours: Interval, low: float, high: float) -> str:
    """Whether a range holds the whole interval, none of it, or a part; undecided where an end of the range is null.

    >>> inside(Interval(2, 1, 3, 5), 0, 3), inside(Interval(2, 1, 3, 5), 4, 5), inside(Interval(2, 1, 3, 5), 2, 5)
    ('holds', 'fails', 'undecided')
    """
    if low <= ours.low and ours.high <= high:
        return HOLDS
    return FAILS if ours.high < low or high < ours.low else UNDECIDED


def below(text: str, edge: Callable[[float], float]) -> Rule:
    """The whole interval must be below an edge that follows from the paper's figure; it fails wholly above it."""

    def judge(ours: Interval, paper: float) -> str:
        return HOLDS if ours.high < edge(paper) else FAILS if ours.low > edge(paper) else UNDECIDED

    return Rule(f"holds if the whole interval is below {text}, fails if it is above", judge, lambda p: (edge(p),))


def above(text: str, edge: Callable[[float], float]) -> Rule:
    """The whole interval must be above an edge that follows from the paper's figure; it fails wholly below it."""

    def judge(ours: Interval, paper: float) -> str:
        return HOLDS if ours.low > edge(paper) else FAILS if ours.high < edge(paper) else UNDECIDED

    return Rule(f"holds if the whole interval is above {text}, fails if it is below", judge, lambda p: (edge(p),))


def lower() -> Rule:
    """A change that must be negative."""
    return below("0", lambda _: 0.0)


def higher() -> Rule:
    """A change that must be positive."""
    return above("0", lambda _: 0.0)


def not_higher(margin: float) -> Rule:
    """A change that may be negative, or too small to matter."""
    return below(f"a margin of {margin:g}", lambda _: margin)


def at_most(margin: float) -> Rule:
    """A figure that may exceed the paper's by no more than a margin, and may be as low as it likes."""
    return below(f"the paper's figure and a margin of {margin:g}", lambda paper: paper + margin)


def at_least(margin: float) -> Rule:
    """A figure that may fall short of the paper's by no more than a margin, and may be as high as it likes."""
    return above(f"the paper's figure less a margin of {margin:g}", lambda paper: paper - margin)


def equals(margin: float) -> Rule:
    """A figure that is computed, not measured, and must be the paper's."""
    return Rule(
        f"holds if the figure is within {margin:g} of the paper's, fails if it is not",
        lambda ours, paper: inside(ours, paper - margin, paper + margin),
        lambda paper: (paper - margin, paper + margin),
        exact=True,
    )


def never(why: str) -> Rule:
    """A figure that is shown and not judged."""
    return Rule(f"shown, not judged: {why}", lambda ours, paper: UNDECIDED)
