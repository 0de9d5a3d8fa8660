"""Metric privacy: the distribution of the noise, what its density proves, and what it does not prove."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.special import gammaln
from scipy.stats import gamma, kstest, norm

from privatune.core.errors import PrivatuneError
from privatune.privacy import metric
from privatune.privacy.metric import (
    blocks,
    distinct,
    eta_of,
    guarantee,
    nearest,
    neighbour_distance,
    of_text,
    privatised,
)


def noise(tokens, hidden, eta, seed=0):
    return privatised(np.zeros((tokens, hidden), np.float32), np.full(tokens, float(eta)), seed).astype(np.float64)


def log_density(z, centre, eta):
    """Of a Gamma radius over the area of the sphere with this radius."""
    hidden, radius = z.shape[-1], np.linalg.norm(z - centre, axis=-1)
    area = np.log(2) + hidden / 2 * np.log(np.pi) - gammaln(hidden / 2) + (hidden - 1) * np.log(radius)
    return gamma.logpdf(radius, hidden, scale=1 / eta) - area


@pytest.mark.parametrize(("hidden", "eta"), [(1, 3.0), (2, 0.5), (16, 20.0), (384, 147.0)])
def test_the_radius_is_gamma(hidden, eta):
    radii = np.linalg.norm(noise(4000, hidden, eta), axis=1)
    assert kstest(radii, gamma(hidden, scale=1 / eta).cdf).pvalue > 0.001


def test_directions_are_uniform():
    """On any axis, rotated ones included, a coordinate of the unit sphere in R^3 is uniform (Archimedes)."""
    drawn = noise(20_000, 3, 2.0)
    directions = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    for axis in (*np.eye(3), np.array([1, 2, -2]) / 3):
        assert kstest(directions @ axis, "uniform", args=(-1, 2)).pvalue > 0.001
    radii = np.linalg.norm(drawn, axis=1)
    assert abs(np.corrcoef(radii, directions[:, 0])[0, 1]) < 4 / np.sqrt(len(drawn))


def test_tokens_of_a_batch_are_noised_independently():
    drawn = noise(20_000, 4, 1.0)
    directions, radii = drawn / np.linalg.norm(drawn, axis=1, keepdims=True), np.linalg.norm(drawn, axis=1)
    for lag in (1, 2, 7):
        cosines = (directions[lag:] * directions[:-lag]).sum(1)
        assert abs(cosines.mean()) < 4 * 0.5 / np.sqrt(len(cosines))
        assert abs(np.corrcoef(radii[lag:], radii[:-lag])[0, 1]) < 4 / np.sqrt(len(drawn))
    assert len(np.unique(radii)) > 19_900  # a widely copied sampler draws one radius for the whole batch


def test_noise_depends_on_seed_keys_and_place_alone():
    states = np.random.default_rng(0).normal(size=(50, 8)).astype(np.float32)
    eta = np.full(50, 2.0)
    first = privatised(states, eta, 1, "a")
    assert np.array_equal(first, privatised(states, eta, 1, "a"))
    assert not np.isclose(first, privatised(states, eta, 1, "b")).any(1).all()
    fewer = np.where(np.arange(50) % 3 == 0, np.inf, 2.0)
    some = privatised(states, fewer, 1, "a")
    assert np.array_equal(some[fewer == 2], first[fewer == 2])
    assert np.array_equal(some[fewer > 2], states[fewer > 2])


def test_blocks_do_not_change_the_noise(monkeypatch):
    whole = noise(100, 8, 3.0)
    monkeypatch.setattr(metric, "_VALUES", 8 * 7)
    assert np.array_equal(noise(100, 8, 3.0), whole)
    assert [(b.start, b.stop) for b in blocks(10, 20)] == [(0, 2), (2, 4), (4, 6), (6, 8), (8, 10)]


def test_marks_stay_as_they_are_however_a_batch_is_padded():
    """Sentences are noised without padding, so left and right padding give the same states."""
    rng, lengths = np.random.default_rng(3), np.array([5, 2, 7])
    sentences = [rng.normal(size=(length, 6)).astype(np.float32) for length in lengths]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    eta = np.where(of_text(offsets), 1.0, np.inf)
    sent = []
    for left in (True, False):
        padded, real = np.full((3, 7, 6), 9.0, np.float32), np.zeros((3, 7), bool)
        for row, sentence in enumerate(sentences):
            places = slice(7 - len(sentence), 7) if left else slice(0, len(sentence))
            padded[row, places], real[row, places] = sentence, True
        sent.append(privatised(padded[real], eta, 5))
    assert np.array_equal(*sent)
    same = (sent[0] == np.concatenate(sentences)).all(1)
    assert np.array_equal(same, ~of_text(offsets))
    assert np.flatnonzero(same).tolist() == [0, 4, 5, 6, 7, 13]


@pytest.mark.parametrize("eta", [0.0, -1.0, np.nan])
def test_an_eta_that_is_not_above_zero_is_refused(eta):
    with pytest.raises(PrivatuneError, match="above 0"):
        privatised(np.zeros((2, 3), np.float32), np.array([1.0, eta]), 0)
    with pytest.raises(PrivatuneError, match="each token"):
        privatised(np.zeros((2, 3), np.float32), np.array([1.0]), 0)


def test_noise_that_is_not_finite_is_refused():
    with pytest.raises(PrivatuneError, match="raise eta"):
        privatised(np.zeros((2, 3), np.float32), np.array([1.0, 1e-40]), 0)


@given(
    points=st.lists(st.lists(st.floats(-3, 3), min_size=4, max_size=4), min_size=3, max_size=3),
    eta=st.floats(0.01, 50),
)
def test_the_density_ratio_is_within_eta_times_the_distance(points, eta):
    x, y, z = np.array(points)
    z = z + 10  # not one of the two
    assert abs(log_density(z, x, eta) - log_density(z, y, eta)) <= eta * np.linalg.norm(x - y) + 1e-6


def test_sets_of_draws_keep_the_promise():
    """The same for probabilities that are counted: slabs of the plane, seen from two tokens."""
    eta, shift = 2.0, np.array([0.6, 0.0], np.float32)
    draws = 200_000
    one = privatised(np.zeros((draws, 2), np.float32), np.full(draws, eta), 1)[:, 0]
    two = privatised(np.tile(shift, (draws, 1)), np.full(draws, eta), 2)[:, 0]
    edges = np.linspace(-1.5, 2.1, 19)
    a, b = (np.histogram(values, edges)[0] for values in (one, two))
    bound = np.exp(eta * 0.6)
    assert (a < bound * (b + 5 * np.sqrt(b))).all() and (b < bound * (a + 5 * np.sqrt(a))).all()
    assert (a / b).max() > 0.7 * bound  # and the promise is not met by too much noise


def test_two_levels_of_noise_have_no_bound():
    x, y = np.zeros(8), np.full(8, 0.1)
    far = np.array([10.0, 100.0, 1000.0])[:, None] * np.eye(8)[0]
    ratios = log_density(far, x, 2.0) - log_density(far, y, 3.0)
    assert ratios[2] > 900 and (np.diff(ratios) > 80).all()
    same = np.abs(log_density(far, x, 2.0) - log_density(far, y, 2.0))
    assert (same <= 2 * np.linalg.norm(x - y) + 1e-9).all()


@pytest.mark.parametrize(
    ("words", "marks", "block", "private", "kind"),
    [
        ([2.0, 2.0], np.inf, 0, False, "per token"),
        ([2.0, 2.0], 2.0, 2, False, "per sentence"),
        ([2.0, 2.0], np.inf, 2, False, "none"),
        ([2.0, 3.0], np.inf, 0, False, "within one level"),
        ([2.0, 3.0], np.inf, 0, True, "within one level"),
        ([2.0, 3.0], 2.0, 2, True, "within one level"),
        ([2.0, np.inf], np.inf, 0, False, "none"),
        ([np.inf, np.inf], np.inf, 4, False, "none"),
    ],
)
def test_the_guarantee_says_what_is_proved(words, marks, block, private, kind):
    """After a block, marks that are sent as they are tell about the whole sentence."""
    stated = guarantee(np.array([marks, *words, marks]), np.array([0, 4]), block, private)
    assert stated.kind == kind
    assert ("release" in stated.reason) == private


# pypantera 1.0.2 (De Faveri, Faggioli and Ferro), class CMP, numpy.random.seed(0), one process: for each epsilon the
# quantiles of 40,000 norms of `pullNoise`, then the share of 60 words that `processText(noisyEmb(words))` kept in 400
# repetitions. The embeddings are those of `words`.
PYPANTERA = {
    2.0: ([1.9870, 2.9713, 3.8342, 4.8438, 6.6017], 0.172417),
    6.0: ([0.6596, 0.9930, 1.2791, 1.6147, 2.1965], 0.690375),
    20.0: ([0.1979, 0.2973, 0.3845, 0.4834, 0.6586], 0.977000),
}


@pytest.fixture(scope="module")
def words():
    rows, columns = np.arange(60), np.arange(8)
    roots = np.sqrt(np.add.outer(rows + 1, columns + 2))
    return np.cos(np.add.outer(rows * 1.7, columns * 0.9) * roots)


@pytest.mark.parametrize("eta", PYPANTERA)
def test_noise_agrees_with_pypantera(eta, words):
    quantiles, recovered = PYPANTERA[eta]
    repeats = 400
    states = np.tile(words, (repeats, 1)).astype(np.float32)
    sent = privatised(states, np.full(len(states), eta), 7)
    radii = np.linalg.norm(sent - states, axis=1)
    levels = np.array([0.05, 0.25, 0.5, 0.75, 0.95])
    spread = np.sqrt(levels * (1 - levels) * (1 / len(radii) + 1 / 40_000))
    spread /= gamma.pdf(quantiles, 8, scale=1 / eta)
    assert (np.abs(np.quantile(radii, levels) - quantiles) < 4.5 * spread + 1e-4).all()
    kept = (nearest(sent, words.astype(np.float32))[:, 0] == np.tile(np.arange(60), repeats)).mean()
    assert abs(kept - recovered) < 4.5 * np.sqrt(2 * recovered * (1 - recovered) / len(states))


def test_nearest_is_what_all_distances_say(monkeypatch):
    rng = np.random.default_rng(1)
    states, table = rng.normal(size=(60, 5)).astype(np.float32), rng.normal(size=(40, 5)).astype(np.float32)
    states[30:] = states[:30]
    expected = np.argsort(cdist(states, table), axis=1)[:, :4]
    assert np.array_equal(nearest(states, table, 4), expected)
    assert np.array_equal(nearest(states, table, 4, torch.bfloat16), expected)
    monkeypatch.setattr(metric, "_VALUES", 90)
    assert np.array_equal(nearest(states, table, 4), expected)
    assert np.array_equal(nearest(states, table[:3], 3), np.argsort(cdist(states, table[:3]), axis=1))


def test_a_row_of_the_table_is_found_where_float32_products_cannot_tell_rows_apart():
    table = 3000 + np.random.default_rng(0).normal(size=(500, 64)).astype(np.float32)
    products = table @ table.T - (table**2).sum(1) / 2
    assert (products.argmax(1) == np.arange(500)).mean() < 0.9
    assert np.array_equal(nearest(table, table)[:, 0], np.arange(500))


def test_equal_rows_are_looked_up_once():
    states = np.array([[1, 2], [3, 4], [1, 2], [5, 6], [3, 4]], np.float32)
    places, back = distinct(states)
    assert len(places) == 3 and np.array_equal(states[places][back], states)


def test_the_neighbour_is_another_token():
    rng = np.random.default_rng(2)
    states, ids = rng.normal(size=(71, 3)).astype(np.float32), rng.integers(0, 9, 71)
    every = cdist(states, states)
    expected = np.median([every[i][ids != ids[i]].min() for i in range(71)])
    assert neighbour_distance(states, ids, states, ids) == pytest.approx(expected, abs=1e-5)


def test_one_token_alone_has_no_neighbour():
    with pytest.raises(PrivatuneError, match="public text"):
        neighbour_distance(np.ones((3, 2), np.float32), np.ones(3, int), np.ones((3, 2), np.float32), np.ones(3, int))


def test_kappa_is_the_deviation_over_half_the_distance():
    """And nearest-token recovery between two tokens is that of a Gaussian with this deviation."""
    hidden, distance, tokens = 256, 3.0, 6000
    for kappa in (0.5, 1.0, 2.0):
        drawn = noise(tokens, hidden, eta_of(kappa, hidden, distance))[:, 0]
        assert drawn.std() / (distance / 2) == pytest.approx(kappa, rel=0.05)
        assert (drawn < distance / 2).mean() == pytest.approx(norm.cdf(1 / kappa), abs=0.02)
