"""The discrete Gaussian: its probabilities, what float64 cannot decide, and what it shares with the continuous one."""

import math
from fractions import Fraction
from itertools import repeat

import numpy as np
import pytest
from scipy.stats import chi2

from privatune.core.errors import PrivatuneError
from privatune.core.streams import random_words
from privatune.privacy import noise
from privatune.privacy.noise import discrete_gaussian


def probabilities(deviation, wide=12):
    values = np.arange(-wide * deviation - wide, wide * deviation + wide + 1)
    weights = np.exp(-(values**2) / (2 * deviation**2))
    return values, weights / weights.sum()


@pytest.mark.parametrize("deviation", [1, 2, 3, 7, 8, 100])
def test_every_value_is_drawn_as_often_as_it_should(deviation):
    drawn = discrete_gaussian(400_000, deviation, 0, "test")
    values, chances = probabilities(deviation)
    counts = np.bincount(drawn - values[0], minlength=len(values))
    expected = len(drawn) * chances
    common = expected > 20
    distance = ((counts - expected)[common] ** 2 / expected[common]).sum()
    assert distance < chi2.ppf(0.9999, common.sum())
    assert counts[~common].sum() == pytest.approx(
        expected[~common].sum(), abs=5 * math.sqrt(expected[~common].sum()) + 5
    )


@pytest.mark.parametrize("deviation", [1 << 57, (1 << 54) - 1, (1 << 40) + 12345, 3 << 30])
def test_wide_noise_has_the_moments_of_a_gaussian(deviation):
    drawn = discrete_gaussian(300_000, deviation, 1, "test") / deviation
    for power, moment, error in ((1, 0, 1), (2, 1, 1.5), (3, 0, 4), (4, 3, 10), (6, 15, 100)):
        assert (drawn**power).mean() == pytest.approx(moment, abs=5 * error / math.sqrt(len(drawn)))
    low = discrete_gaussian(300_000, deviation, 1, "test") & 0xFF
    assert chi2.sf(((np.bincount(low, minlength=256) - 300_000 / 256) ** 2 / (300_000 / 256)).sum(), 255) > 1e-4


def test_what_float64_cannot_decide_is_decided_by_decimals(monkeypatch):
    """With every comparison left to the exact one, and with none: the same draws."""
    for deviation in (1, 5, 1 << 30, (1 << 53) + 1):
        fast = discrete_gaussian(500, deviation, 2, "test")
        monkeypatch.setattr(noise, "MARGIN", 2.0)
        np.testing.assert_array_equal(discrete_gaussian(500, deviation, 2, "test"), fast)
        monkeypatch.undo()


def test_a_tie_asks_for_more_digits():
    """A uniform number whose first 64 digits are those of the chance itself: what comes after them decides."""
    proposal = (3, 0, 4, 1.25)
    chance = Fraction(noise._chance(*proposal, 60))
    first, rest = divmod(chance * 2**64, 1)
    second = math.floor(rest * 2**64)
    assert noise._below(int(first), iter([second - 1]), proposal)
    assert not noise._below(int(first), iter([second + 1]), proposal)
    assert noise._below(int(first) - 1, repeat(2**64 - 1), proposal)
    assert not noise._below(int(first) + 1, repeat(0), proposal)


def test_no_proposal_is_taken_with_a_chance_above_one():
    for deviation in [*range(1, 200), (1 << 57) - 1, 1 << 57, 3 << 40]:
        shift = deviation.bit_length() - 1
        most = noise._most(deviation, shift)
        assert max(noise._chance(block << shift, block, deviation, most, 30) for block in range(64)) <= 1
        assert noise._chance(0, 0, deviation, most, 30) > 0.3


def test_a_key_gives_its_noise_whatever_comes_beside_it():
    one = discrete_gaussian(70_000, 1 << 50, 1 << 127, "noise", 1)
    np.testing.assert_array_equal(one, discrete_gaussian(70_000, 1 << 50, 1 << 127, "noise", 1))
    others = [discrete_gaussian(70_000, 1 << 50, seed, "noise", number) for seed, number in ((0, 1), (1 << 127, 2))]
    assert all((one == other).mean() < 1e-3 for other in others)
    assert len(np.unique(one)) == len(one), "blocks of a draw differ"


def test_no_noise_and_too_much():
    assert discrete_gaussian(3, 0, 0, "noise").tolist() == [0, 0, 0]
    assert discrete_gaussian(0, 5, 0, "noise").tolist() == []
    with pytest.raises(PrivatuneError, match=r"not between 0 and 2\^57; change privacy\.clip"):
        discrete_gaussian(3, (1 << 57) + 1, 0, "noise")


def test_randomised_rounding_of_continuous_noise_is_the_discrete_gaussian():
    """What docs/dp-fedavg.md builds on: noise of the variance d^2 - 9, rounded at random by 3, is that of d."""
    deviation, spread = 5, 3.0
    values, chances = probabilities(deviation)
    x = np.linspace(-80, 80, 8001)
    continuous = np.exp(-(x**2) / (2 * (deviation**2 - spread**2)))
    whole = np.arange(-100, 101)
    rounding = np.exp(-((whole[:, None] - x) ** 2) / (2 * spread**2))
    made = (rounding / rounding.sum(axis=0)) @ (continuous / continuous.sum())
    np.testing.assert_allclose(made[100 + values[5:-5]], chances[5:-5], rtol=1e-9, atol=1e-30)


def test_words_are_those_of_shake():
    """FIPS 202, keyed by seed, purpose and keys; no two lists of them share a stream."""
    assert random_words(4, 1, "a").tolist() == random_words(9, 1, "a")[:4].tolist()
    keys = [(1, "a"), (1, "a", 0), (1, "a", "0"), (1, "a0"), (10, "a"), ("1", "a")]
    assert len({random_words(2, *key).tobytes() for key in keys}) == len(keys)
    bits = np.unpackbits(random_words(100_000, 3, "b").view(np.uint8))
    assert bits.mean() == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(len(bits)))
