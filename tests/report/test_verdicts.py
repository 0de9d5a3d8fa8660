import math

import pytest

from privatune.report.intervals import Interval
from privatune.report.verdicts import (
    FAILS,
    HOLDS,
    UNDECIDED,
    about,
    at_most,
    higher,
    little,
    lower,
    not_higher,
    verdict,
)


@pytest.mark.parametrize(
    ("rule", "paper", "holds", "fails", "undecided"),
    [
        (lower(), -14.0, (-9, -1), (1, 9), (-1, 2)),
        (not_higher(2), -0.7, (-1, 1.5), (0.1, 0.3), (-1, 2.5)),
        (little(10), 5.4, (-3, 9), (11, 12), (5, 12)),
        (little(10), 5.4, (-9, 9), (-30, -11), (-11, 3)),
        (about(10), -67.5, (-70, -60), (-50, -40), (-60, -50)),
        (about(10), -67.5, (-77, -58), (-90, -80), (-80, -70)),
        (at_most(), 140.0, (2, 3), (141, 150), (100, 150)),
    ],
)
def test_rule(rule, paper, holds, fails, undecided):
    for (low, high), expected in ((holds, HOLDS), (fails, FAILS), (undecided, UNDECIDED)):
        assert verdict(rule, Interval((low + high) / 2, low, high, 3), paper) == expected


@pytest.mark.parametrize("rule", [lower(), not_higher(2), little(10), about(10), at_most()])
@pytest.mark.parametrize("middle", [-1000.0, 0.0, 1000.0, math.nan])
def test_one_replicate_decides_nothing(rule, middle):
    assert verdict(rule, Interval(middle, math.nan, math.nan, 1), 0.0) == UNDECIDED


@pytest.mark.parametrize("rule", [lower(), higher()])
def test_an_interval_that_touches_zero_decides_nothing(rule):
    assert verdict(rule, Interval(0.0, 0.0, 0.0, 3), 0.0) == UNDECIDED
