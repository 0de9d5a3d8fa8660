"""Attribute inference from mean representations."""

import numpy as np
import pytest

from privatune.attacks.attributes import _fitted, attribute_guesses, means
from privatune.core.errors import PrivatuneError


def sentences(n, apart, seed=0):
    """Means of sentences of three persons, whose centres are `apart`; the persons write unequally much."""
    rng = np.random.default_rng(seed)
    persons = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    return (rng.normal(size=(n, 6)) + apart * np.eye(6)[persons]).astype(np.float32), persons


def test_the_mean_is_over_the_tokens_of_a_sentence():
    states, offsets = np.random.default_rng(0).normal(size=(9, 4)).astype(np.float32), np.array([0, 2, 3, 9])
    expected = [states[0:2].mean(0), states[2], states[3:].mean(0)]
    np.testing.assert_allclose(means(states, offsets), expected, atol=1e-6)


def test_persons_who_write_differently_are_told_apart():
    (known, persons), (sent, wrote) = sentences(300, 6.0), sentences(200, 6.0, seed=1)
    guesses = attribute_guesses(known, persons, sent)
    assert guesses.dtype == np.int64 and (guesses == wrote).mean() > 0.98


def test_persons_who_write_alike_are_told_apart_as_well_as_by_chance():
    (known, persons), (sent, wrote) = sentences(400, 0.0), sentences(1000, 0.0, seed=1)
    share = (attribute_guesses(known, persons, sent) == wrote).mean()
    assert share < 0.5 + 4 * np.sqrt(0.25 / 1000)


def test_the_scale_of_the_states_does_not_matter():
    (known, persons), (sent, _) = sentences(200, 2.0), sentences(100, 2.0, seed=1)
    scale = np.float32([1, 4, 0.25, 16, 1, 2])
    same = attribute_guesses(known, persons, sent) == attribute_guesses(known * scale, persons, sent * scale)
    assert same.mean() > 0.97


@pytest.mark.parametrize("persons", [[0], [1, 1, 1]])
def test_one_attribute_alone_cannot_be_told_apart(persons):
    with pytest.raises(PrivatuneError, match="two different"):
        attribute_guesses(np.ones((len(persons), 2), np.float32), np.array(persons), np.ones((1, 2), np.float32))


def test_the_fitted_weights_have_the_least_penalised_cross_entropy():
    known, persons = sentences(60, 1.0)

    def loss(weights):
        scores = known @ weights[:-1] + weights[-1]
        shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
        return -np.log(shares[np.arange(60), persons]).mean() + 0.01 * np.square(weights[:-1]).sum()

    best = _fitted(known.astype(np.float64), persons, 0.01)
    others = best + np.random.default_rng(2).normal(0, 0.01, (200, *best.shape))
    assert loss(best) < min(map(loss, others)) and loss(best) < loss(best / 2)
