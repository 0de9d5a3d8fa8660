import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from privatune.planning.costs import fitted
from privatune.planning.fit import FOLDS, fit, held_out_error
from privatune.planning.known import Cost, Line

works = st.lists(st.floats(0.1, 1e5), min_size=2, max_size=30)
starts, rates = st.floats(0.1, 100), st.floats(1e-4, 100)


@given(works, starts, rates)
def test_planted_costs_are_found_again(work, start, rate):
    assume(max(work) > 2 * min(work))
    cost = [start + rate * w for w in work]
    found = fit(work, cost, start=1.0)
    np.testing.assert_allclose([found.at(w) for w in work], cost, rtol=1e-5)
    assert (found.low, found.high) == (min(work), max(work))


@given(works, st.lists(st.floats(0.1, 1e3), min_size=30, max_size=30))
def test_no_line_in_reach_is_nearer(work, cost):
    assume(max(work) > 2 * min(work))
    work, cost = np.array(work), np.array(cost[: len(work)])

    def error(line):
        return np.sum(((line.start + line.rate * work) / cost - 1) ** 2)

    found = fit(work, cost, start=1.0)
    assert found.start >= 0 and found.rate >= 0
    for change in (0.99, 1.01):
        for near in (found._replace(start=found.start * change), found._replace(rate=found.rate * change)):
            assert error(found) <= error(near) * (1 + 1e-9) + 1e-12


def test_of_equal_jobs_the_start_is_a_guess_and_the_cost_right():
    assert fit([50, 50], [9, 11], start=2) == Line(2, 8 / 50, 50, 50)
    assert fit([50], [1], start=2).at(50) == pytest.approx(1)  # shorter than the guess


@given(starts, rates, st.floats(3, 1e4))
def test_a_known_line_about_less_work_says_where_equal_jobs_start(start, rate, times):
    known = Line(start, rate, 1, 1)
    found = fit([times, times], [start + rate * times] * 2, start=0.0, known=known)
    assert found.at(times) == pytest.approx(start + rate * times, rel=1e-5)
    assert found.at(1) == pytest.approx(start + rate, rel=1e-5)


@given(starts, rates, st.floats(0.1, 10), st.floats(1, 1000))
def test_a_known_line_about_like_jobs_is_scaled_to_them(start, rate, scale, work):
    known = Line(start, rate, 1, 1000)
    found = fit([work, work], [0.9 * scale * known.at(work), 1.1 * scale * known.at(work)], start=2.0, known=known)
    np.testing.assert_allclose(found, (scale * start, scale * rate, 1, 1000), rtol=1e-6)


def test_where_nothing_is_known_of_the_work_all_jobs_cost_their_mean():
    assert fit([0, 0, 0], [1, 2, 6], start=2) == Line(3, 0)
    assert fit([0, 0, 0], [1, 2, 6], start=2, known=Line(1, 1, 1, 9)) == Line(3, 0)


def test_error_of_jobs_left_out():
    assert held_out_error([5], [3], 1.0) is None
    assert held_out_error([1, 2, 4], [3, 5, 9], 0.0) == pytest.approx(0)
    # two jobs: each is told by the other
    assert held_out_error([0, 0], [1, 2], 0.0) == pytest.approx((2 / 1 - 1 + 1 - 1 / 2) / 2)
    many = np.arange(1, 10 * FOLDS)
    assert held_out_error(many, 2 + 3 * many, 0.0) == pytest.approx(0, abs=1e-6)


def test_memory_of_a_job_that_was_too_short_to_be_seen_is_left_out():
    """Snakemake then saw a few megabytes of what starts the job, or nothing."""
    seen = pd.DataFrame(
        {"stage": "a", "operations": 1.0, "held": [1.0, 1.0], "seconds": 0.4, "memory_mb": [7.0, 150.0]}
    )
    costs, _ = fitted(seen, {})
    assert costs["a"].memory.at(1.0) == pytest.approx(150)
    known = {"a": Cost(Line(1, 0), Line(90.0, 1.0, 1.0, 2.0))}
    costs, _ = fitted(seen[:1], known)
    assert costs["a"].memory == known["a"].memory, "what another run saw"
