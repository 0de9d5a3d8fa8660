"""Maximum likelihood of the generalised Pareto distribution, against scipy's and against its own definition."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from privatune.attacks.generalised_pareto import LEAST, MOST, GeneralisedPareto, excess_of, fit_shape, most_likely
from privatune.core.streams import stream

SHAPES = [-0.3, -0.05, 0.0, 0.05, 0.3, 1.5]


def drawn(shape, n, seed=0, scale=0.1):
    return np.array([excess_of(GeneralisedPareto(shape, scale), u) for u in stream(seed, "excesses").random(n)])


@pytest.mark.parametrize("shape", SHAPES)
def test_the_fit_is_scipys_and_finds_the_truth(shape):
    excess = drawn(shape, 2000)
    found = fit_shape(excess)
    other, _, scale = stats.genpareto.fit(excess, floc=0)
    assert found.best == pytest.approx((other, scale), abs=2e-4)
    assert found.low < found.best.shape < found.high.shape
    assert found.best.shape == pytest.approx(shape, abs=4 * (1 + shape) / math.sqrt(2000))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_interval_is_where_twice_the_log_likelihood_falls_by_chi_squared(shape):
    excess = drawn(shape, 500)
    found = fit_shape(excess)

    def log_likelihood(tail):
        return stats.genpareto.logpdf(excess, tail.shape, scale=tail.scale).sum()

    for end in (most_likely(excess, found.low), found.high):
        if LEAST < end.shape < MOST:
            fallen = 2 * (log_likelihood(found.best) - log_likelihood(end))
            assert fallen == pytest.approx(stats.chi2.ppf(0.95, 1), rel=1e-3)


@pytest.mark.slow
def test_the_interval_holds_the_shape_in_95_of_100_samples():
    fits = [fit_shape(drawn(0.1, 300, seed)) for seed in range(400)]
    covered = np.mean([fit.low <= 0.1 <= fit.high.shape for fit in fits])
    assert covered == pytest.approx(0.95, abs=4 * math.sqrt(0.95 * 0.05 / 400))


@pytest.mark.parametrize("shape", SHAPES)
def test_the_scale_of_a_given_shape_is_the_most_likely_one(shape):
    excess = drawn(0.1, 200)
    scale = most_likely(excess, shape).scale
    best = stats.genpareto.logpdf(excess, shape, scale=scale).sum()
    assert all(stats.genpareto.logpdf(excess, shape, scale=scale * by).sum() < best for by in (0.99, 1.01))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("probability", [0.5, 1e-3, 1e-9])
def test_the_quantile_is_scipys(shape, probability):
    expected = stats.genpareto.isf(probability, shape, scale=0.2)
    assert excess_of(GeneralisedPareto(shape, 0.2), probability) == pytest.approx(expected)


@given(st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=30))
def test_any_excesses_have_a_fit(values):
    found = fit_shape(np.array(values))
    assert LEAST <= found.low <= found.best.shape <= found.high.shape <= MOST
    assert all(np.isfinite(tail).all() and tail.scale > 0 for tail in (found.best, found.high))
