import math

import numpy as np
import pytest

from privatune.core.streams import stream
from privatune.report.intervals import Interval, interval
from privatune.report.verdicts import (
    FAILS,
    HOLDS,
    UNDECIDED,
    above,
    at_least,
    at_most,
    below,
    equals,
    higher,
    lower,
    never,
    not_higher,
    not_lower,
    replicates_needed,
    shares_needed,
    verdict,
    within,
)

RULES = {
    "lower": lower(),
    "higher": higher(),
    "not_higher": not_higher(2),
    "not_lower": not_lower(2),
    "within": within(2),
    "at_most": at_most(3),
    "at_least": at_least(3),
    "below": below("1", lambda _: 1.0),
    "above": above("1", lambda _: 1.0),
    "never": never("nobody knows"),
    "equals": equals(0.01),
}
MEASURED = [name for name, rule in RULES.items() if not rule.exact]


@pytest.mark.parametrize(
    ("rule", "paper", "holds", "fails", "undecided"),
    [
        (lower(), -14.0, (-9, -1), (1, 9), (-1, 2)),
        (higher(), -14.0, (1, 9), (-9, -1), (-1, 2)),
        (not_higher(2), -0.7, (-1, 1.5), (2.1, 2.3), (-1, 2.5)),
        (not_lower(2), -0.7, (-1.9, 0.5), (-2.3, -2.1), (-2.5, 1)),
        (within(2), 3.0, (-1.9, 1.9), (2.1, 2.3), (1.5, 2.5)),
        (within(2), 3.0, (0.1, 0.2), (-2.3, -2.1), (-2.5, 2.5)),
        (at_most(10), -67.5, (-99, -58), (-57, -40), (-60, -50)),
        (at_least(3), 8.7, (5.8, 30), (2, 5.6), (5, 6)),
        (above("75 %", lambda _: 75.0), 95.0, (76, 99), (20, 74), (60, 90)),
        (below("the paper's figure", lambda paper: paper), 0.83, (0.1, 0.8), (0.9, 1), (0.7, 0.9)),
    ],
)
def test_rule(rule, paper, holds, fails, undecided):
    for (low, high), expected in ((holds, HOLDS), (fails, FAILS), (undecided, UNDECIDED)):
        assert verdict(rule, Interval((low + high) / 2, low, high, 3), paper) == expected


def test_a_change_smaller_than_the_margin_is_no_failure():
    assert verdict(not_higher(2), Interval(0.015, 0.01, 0.02, 3), 0.0) == HOLDS


def test_a_figure_beyond_the_papers_is_no_failure():
    assert verdict(at_least(3), Interval(20, 19, 21, 3), 8.7) == HOLDS
    assert verdict(at_most(10), Interval(-90, -91, -89, 3), -67.5) == HOLDS


def test_what_is_computed_needs_no_replicates():
    for value, expected in ((0.003, HOLDS), (0.02, FAILS), (math.nan, UNDECIDED)):
        assert verdict(equals(0.01), Interval(value, value, value, 1), 0.0) == expected
    assert verdict(equals(0.01), Interval(0.0, 0.0, 0.0, 0), 0.0) == UNDECIDED


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("far", [-1000.0, 0.0, 1000.0])
def test_no_rule_decides_without_evidence(name, far):
    """One replicate, none, a null value, whichever part is null."""
    nothing = [interval([]), interval([math.nan]), Interval(math.nan, far, far + 1, 3), Interval(far, far, math.nan, 3)]
    nothing += [Interval(far, math.nan, far, 3), Interval(far, math.nan, math.nan, 3), Interval(far, far, far, 0)]
    one = [interval([far]), Interval(far, far - 1, far + 1, 1), Interval(0, 0, 97.5, 1)]
    for ours in nothing + one * (name in MEASURED):
        assert verdict(RULES[name], ours, 0.0) == UNDECIDED, ours


@pytest.mark.parametrize("name", MEASURED)
@pytest.mark.parametrize("far", [-1000.0, 0.0, 1000.0])
def test_replicates_without_a_spread_decide_nothing(name, far):
    assert verdict(RULES[name], interval([far, far, far]), 0.0) == UNDECIDED


@pytest.mark.parametrize("name", ["at_most", "at_least", "equals"])
def test_a_figure_that_the_paper_lacks_decides_nothing(name):
    for middle in (-1000.0, 0.0, 1000.0):
        assert verdict(RULES[name], Interval(middle, middle - 1, middle + 1, 9), math.nan) == UNDECIDED


@pytest.mark.parametrize("rule", [lower(), higher()])
def test_an_interval_that_touches_zero_decides_nothing(rule):
    for ours in (Interval(0.0, 0.0, 0.0, 3), Interval(-1, -2, 0.0, 3), Interval(1, 0.0, 2, 3)):
        assert verdict(rule, ours, 0.0) == UNDECIDED


@pytest.mark.parametrize("rule", [lower(), not_higher(2), at_least(3), at_most(3)])
def test_as_many_replicates_as_are_needed_decide(rule):
    """Of values with the mean and spread that were seen; one fewer does not."""
    values = np.array([-2.0, 0.5, 3.0, -3.5])
    needed = replicates_needed(rule, interval(values), 0.0)
    assert needed > len(values)

    def said(n):
        made = stream(0, "replicates").standard_normal(n)
        made = (made - made.mean()) / made.std(ddof=1) * values.std(ddof=1) + values.mean()
        return verdict(rule, interval(made), 0.0)

    assert said(needed - 1) == UNDECIDED and said(needed) in (HOLDS, FAILS)


def test_what_no_number_of_replicates_would_decide_is_null():
    for ours in (
        interval([]),
        interval([1.0]),
        interval([1.0, 1.0]),
        interval([-1.0, 1.0]),
        Interval(1, 0, math.inf, 4),
    ):
        assert math.isnan(replicates_needed(lower(), ours, 0.0)), ours
    assert math.isnan(replicates_needed(never("nobody knows"), interval([1.0, 2.0]), 0.0))
    assert math.isnan(replicates_needed(at_most(1), interval([1.0, 2.0]), math.nan))


def test_shares_needed_for_a_share():
    rule = above("75 %", lambda _: 75.0)
    assert shares_needed(rule, Interval(100, 15.8, 100, 2), 95.0) == 13, "0.025 ** (1 / 13) is the first above 0.75"
    assert 13 < shares_needed(rule, Interval(90, 50, 99, 10), 95.0) < 200
    assert shares_needed(rule, Interval(0, 0, 98, 1), 95.0) == 3, "1 - 0.025 ** (1 / 3) is the first below 0.75"
    assert 100 < shares_needed(rule, Interval(70, 50, 99, 10), 95.0) < 1000, "it would fail, which is decided too"
    assert math.isnan(shares_needed(rule, Interval(75, 50, 99, 10), 95.0))
    assert math.isnan(shares_needed(rule, Interval(math.nan, 0, 0, 0), 95.0))
