import math

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from privatune.core.streams import stream
from privatune.report.intervals import Interval, interval
from privatune.report.multiplicity import holm, p_value
from privatune.report.verdicts import equals, higher, lower, never, not_higher, verdict


def test_p_is_that_of_students_t_test():
    values = [-1.2, -0.3, -0.9, 0.2]
    expected = ttest_1samp(values, 0).pvalue
    assert p_value(lower(), interval(values), 0.0) == pytest.approx(expected, rel=1e-4)
    assert p_value(not_higher(0.5), interval(values), 0.0) == pytest.approx(ttest_1samp(values, 0.5).pvalue, rel=1e-4)


def test_p_says_what_the_verdict_says():
    for trial in range(200):
        found = interval(stream(trial, "values").normal(0.8, 1, 4)).map(math.exp)
        for rule in (lower(), higher(), not_higher(2)):
            decided = verdict(rule, found, 0.0) != "undecided"
            p = p_value(rule, found, 0.0)
            assert math.isnan(p) or decided == (p <= 0.05)


def test_what_no_interval_decides_has_no_p():
    for rule, found in (
        (lower(), interval([])),
        (lower(), interval([-1.0])),
        (lower(), interval([-1.0, -1.0])),
        (lower(), Interval(5.0, 1.0, 9.0, 10)),
        (never("it is a cost"), interval([-1.0, -2.0])),
        (equals(0.01), Interval(0.0, 0.0, 0.0, 5)),
    ):
        assert math.isnan(p_value(rule, found, 0.0))


def test_holm_keeps_the_chance_of_any_wrong_verdict():
    """Thirty claims of which none is true of anything: unadjusted, four tables of five have a wrong verdict."""
    wrong, wrong_after = [], []
    for trial in range(200):
        draws = stream(trial, "null").normal(0, 1, (30, 5))
        p = ttest_1samp(draws, 0, axis=1).pvalue.tolist()
        wrong.append(min(p) <= 0.05)
        wrong_after.append(min(holm(p)) <= 0.05)
    assert np.mean(wrong) > 0.6 and np.mean(wrong_after) <= 0.09


def test_holm_rises_with_p_and_with_the_number_of_claims():
    assert holm([0.01, 0.04]) == [0.02, 0.04]
    assert holm([0.04, 0.01, 0.9]) == [0.08, 0.03, 0.9]
    assert math.isnan(holm([math.nan])[0])
