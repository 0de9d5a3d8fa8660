"""The bound and the estimate against published figures, exact probabilities and mechanisms of known epsilon."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from scipy.stats import binom, norm

from privatune.attacks.audit import (
    Gaussian,
    estimate,
    gaussian_epsilon,
    guess,
    log_ratios,
    lower_bound,
    p_value,
    signs,
)
from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.privacy.mechanism import Mechanism


def mechanism(**changes):
    values = {"sampling": "poisson", "population": 100, "cohort": 20, "rounds": 3, "noise_multiplier": 0.7, "clip": 0.5}
    return Mechanism(**(values | {"delta": 1e-5} | changes))


@pytest.mark.parametrize(
    ("counts", "delta", "expected", "within"),
    [
        ((27, 27, 27), 0, 2.1, 0.05),  # Ramaswamy et al.'s 27 canaries
        ((100, 100, 100), 0, 3.5, 0.05),
        ((1000, 100, 75), 1e-4, 0.673, 5e-4),  # Steinke et al. 2023, appendix D
        ((100_000, 1510, 1439), 1e-5, 2.675, 1e-3),  # the same, section 7
    ],
)
def test_golden_bounds(counts, delta, expected, within):
    assert lower_bound(*counts, delta, 0.95) == pytest.approx(expected, abs=within)


@given(right=st.integers(0, 12), more=st.integers(0, 6), odds=st.integers(1, 9), delta=st.sampled_from([0, 1, 7]))
def test_the_p_value_is_the_slow_one(right, more, odds, delta):
    """In whole fractions, by the formula as it is printed; e^epsilon = odds."""
    guesses, chance, delta = right + more, Fraction(odds, odds + 1), Fraction(delta, 1000)
    mass = [math.comb(guesses, k) * chance**k * (1 - chance) ** (guesses - k) for k in range(guesses + 1)]
    alpha = max((sum(mass[right - i : right]) / i for i in range(1, right + 1)), default=0)
    exact = min(1, sum(mass[right:]) + 2 * 30 * delta * alpha)
    assert p_value(30, guesses, right, math.log(odds), float(delta)) == pytest.approx(float(exact), rel=1e-9)


@given(
    guesses=st.integers(1, 200),
    share=st.floats(0.5, 1),
    delta=st.sampled_from([0.0, 1e-6, 1e-4]),
    confidence=st.sampled_from([0.9, 0.95, 0.99]),
)
def test_no_epsilon_below_the_bound_is_left_standing(guesses, share, delta, confidence):
    """The bound is the first epsilon that is not rejected, although the p-value's second part may fall again."""
    right = round(share * guesses)
    bound = lower_bound(200, guesses, right, delta, confidence)
    below = np.linspace(0, bound, 9) * (1 - 1e-9) if bound else []
    assert all(p_value(200, guesses, right, epsilon, delta) <= 1 - confidence for epsilon in below)
    assert bound <= lower_bound(200, guesses, guesses, delta, confidence)
    assert bound <= lower_bound(200, guesses, right, 0.0, confidence) + 1e-9


def test_too_large_a_delta_shows_nothing():
    assert lower_bound(1000, 100, 100, 0.005, 0.95) == 0
    with pytest.raises(PrivatuneError, match="12 of 11 guesses about 30 canaries are impossible counts"):
        lower_bound(30, 11, 12, 1e-5, 0.95)


@pytest.mark.parametrize("epsilon", [0.0, 0.5, 2.0, 4.0])
@pytest.mark.parametrize("guesses", [20, 100])
def test_coverage_on_randomised_response(epsilon, guesses):
    """Each coin is told with probability e^epsilon / (1 + e^epsilon): exact."""
    chance = 1 / (1 + math.exp(-epsilon))
    wrong = [r for r in range(guesses + 1) if lower_bound(guesses, guesses, r, 0.0, 0.95) > epsilon * (1 + 1e-9)]
    assert sum(binom.pmf(wrong, guesses, chance)) <= 0.05
    # nor is it right by being idle: every count that is so rare exceeds it
    assert wrong == [r for r in range(guesses + 1) if binom.sf(r - 1, guesses, chance) < 0.05]


def test_coverage_where_delta_tells_all():
    """(0, delta)-DP: with probability delta every coin is published, else nothing is told."""
    guesses, delta = 60, 0.01
    least = next(r for r in range(guesses + 1) if lower_bound(guesses, guesses, r, 0.0, 0.95) > 0)
    assert delta + (1 - delta) * binom.sf(least - 1, guesses, 0.5) > 0.05, "without its term the bound would not hold"
    least = next((r for r in range(guesses + 1) if lower_bound(guesses, guesses, r, delta, 0.95) > 0), None)
    assert least is None or delta + (1 - delta) * binom.sf(least - 1, guesses, 0.5) <= 0.05


def test_coverage_on_a_gaussian_mechanism_of_known_epsilon():
    """Sigma 1, delta 1e-5: epsilon 4.377 (its golden value); canaries on axes of their own, as apart as can be."""
    m = mechanism(population=400, cohort=400, rounds=1, noise_multiplier=1.0)
    bounds = []
    for seed in range(300):
        rng = stream(seed, "gaussian mechanism")
        heads = rng.integers(0, 2, 400)
        made = guess(log_ratios((heads + rng.standard_normal(400))[:, None], np.ones(1), m), 60)
        right = int((made == np.where(heads, 1, -1)).sum())
        bounds.append(lower_bound(400, 60, right, 1e-5, 0.95))
    assert np.mean(np.array(bounds) > 4.377) <= 0.05
    assert np.median(bounds) > 1.2


def test_the_attack_is_the_ratio_of_densities():
    noise = np.array([0.7, 0.9, 2.0])
    for sampling in ("poisson", "fixed"):
        m, x = mechanism(sampling=sampling), stream(0, "projections").standard_normal((5, 3))
        heads = 0.2 * norm.pdf(x, 1, noise) + 0.8 * norm.pdf(x, 0, noise)
        tails = norm.pdf(x, 0, noise)
        if sampling == "fixed":
            tails = 0.2 * norm.pdf(x, -1, noise) + 0.8 * tails
        np.testing.assert_allclose(log_ratios(x, noise, m), np.log(heads / tails).sum(axis=1))
    np.testing.assert_allclose(log_ratios(x, noise, mechanism(population=20)), ((x - 0.5) / noise**2).sum(axis=1))
    assert np.isfinite(log_ratios(1e6 * x, noise / 1000, mechanism())).all()


def test_guesses_are_those_of_which_the_attack_is_surest():
    assert guess(np.array([0.1, -3.0, 2.0, 0.0, -2.0]), 3).tolist() == [0, -1, 1, 0, -1]
    assert guess(np.zeros(4), 2).tolist() == [-1, -1, 0, 0]


def test_directions_are_independent():
    size = 1003
    drawn = np.stack([signs(3, canary, size) for canary in range(200)])
    assert drawn.dtype == np.float32 and set(np.unique(drawn)) == {-1, 1}
    products = (drawn @ drawn.T)[np.triu_indices(200, 1)] / size
    assert abs(products.mean()) < 5 / math.sqrt(size * len(products))
    assert products.std() == pytest.approx(1 / math.sqrt(size), rel=0.02)  # 19,900 of them
    assert np.abs(drawn.mean(axis=0)).max() < 5 / math.sqrt(200)
    np.testing.assert_array_equal(signs(3, 7, size), drawn[7])
    np.testing.assert_array_equal(signs(3, 7, size, np.zeros((126, 8), np.float32)), drawn[7])
    assert not np.array_equal(signs(4, 7, size), drawn[7])


@pytest.mark.parametrize("one", [Gaussian(0, 1), Gaussian(-1, 2), Gaussian(0.3, 1.02), Gaussian(2, 0.6)])
def test_two_gaussians_by_integration(one):
    other, delta = Gaussian(0, 1), 1e-3
    x, width = np.linspace(-40, 40, 40_001, retstep=True)

    def gap(epsilon, first, second):
        """The hockey-stick divergence, summed over a fine grid."""
        excess = norm.pdf(x, *first) - math.exp(epsilon) * norm.pdf(x, *second)
        return np.maximum(excess, 0).sum() * width - delta

    slow = [brentq(gap, 0, 60, (a, b)) if gap(0, a, b) > 0 else 0.0 for a, b in ((one, other), (other, one))]
    assert gaussian_epsilon(one, other, delta) == pytest.approx(max(slow), rel=1e-4, abs=1e-6)
    assert gaussian_epsilon(other, one, delta) == gaussian_epsilon(one, other, delta)


def test_golden_epsilon_of_one_gaussian():
    assert gaussian_epsilon(Gaussian(0, 1), Gaussian(1, 1), 1e-5) == pytest.approx(4.377178, abs=1e-6)
    assert gaussian_epsilon(Gaussian(3, 2), Gaussian(5, 2), 1e-5) == pytest.approx(4.377178, abs=1e-6)
    # what a fit gives is never of the same deviation to the last bit
    assert gaussian_epsilon(Gaussian(0, 1), Gaussian(1, 1 + 1e-12), 1e-5) == pytest.approx(4.377178, abs=1e-5)
    # far apart: hardly any noise
    assert gaussian_epsilon(Gaussian(0, 1), Gaussian(1000, 1), 1e-5) == pytest.approx(500_000, rel=0.01)


@pytest.mark.parametrize(("sampling", "distance"), [("poisson", 1.0), ("fixed", 2.0)])
def test_the_estimate_finds_the_epsilon_of_a_gaussian_mechanism(sampling, distance):
    """The whole sum in 100,000 dimensions is its noise but for a hair, so cosines are projections over its length."""
    size, canaries = 100_000, 20_000
    m = mechanism(sampling=sampling, population=canaries, cohort=canaries, rounds=1, noise_multiplier=1.0)
    projections = 1 + stream(0, "noise").standard_normal(canaries)
    true = gaussian_epsilon(Gaussian(0, 1), Gaussian(distance, 1), 1e-5)
    assert estimate(projections / math.sqrt(size), size, m) == pytest.approx(true, rel=0.05)
