"""What holds for every attack on sent states."""

import inspect
from pathlib import Path

import numpy as np
import pytest
import torch

from privatune.attacks.inversion.attack import TOP, Public, Sent, fitted, guess, highest, log_prior, mapped
from privatune.attacks.inversion_settings import ATTACKS, InversionSettings
from privatune.core.errors import PrivatuneError
from privatune.privacy.metric import of_text

SETTINGS = InversionSettings(width=16, epochs=1, sampled=30)


@pytest.mark.parametrize("name", ATTACKS)
def test_embeddings_without_noise_are_recovered_exactly(name, language, recovered):
    sent, ids = language.private()
    guesses = guess(name, sent, language.public(), SETTINGS, 0)
    assert guesses.shape == (len(ids), TOP) and guesses.dtype == np.int64
    assert recovered(guesses, ids, sent.offsets) == (1, 1)


@pytest.mark.parametrize("name", ATTACKS)
@pytest.mark.parametrize("replace", [True, False])
def test_endless_noise_leaves_chance(name, replace, language, recovered):
    """No attack does better than to name the most frequent tokens."""
    options = {"eta": 1e-3, "replace": replace}
    sent, ids = language.private(300, **options)
    first, _ = recovered(guess(name, sent, language.public(**options), SETTINGS, 0), ids, sent.offsets)
    words = ids[of_text(sent.offsets)]
    chance = np.bincount(words).max() / len(words)
    assert first < chance + 4 * np.sqrt(chance / len(words))


@pytest.mark.parametrize("name", ATTACKS)
def test_more_noise_recovers_less_and_five_guesses_more_than_one(name, language, recovered):
    shares = []
    for eta in (20.0, 6.0, 2.0):
        sent, ids = language.private(eta=eta)
        shares.append(recovered(guess(name, sent, language.public(eta=eta), SETTINGS, 0), ids, sent.offsets))
    assert shares[0][0] > shares[1][0] > shares[2][0]
    assert all(first < among for first, among in shares[1:])


@pytest.mark.parametrize("name", ATTACKS)
def test_guesses_are_the_same_twice_and_differ_from_each_other(name, language):
    options = {"eta": 5.0, "deep": True}
    sent, _ = language.private(**options)
    guesses = guess(name, sent, language.public(**options), SETTINGS, 3)
    assert np.array_equal(guesses, guess(name, sent, language.public(**options), SETTINGS, 3))
    assert all(len(set(row)) == TOP for row in guesses.tolist())


def test_attacks_take_nothing_that_only_the_customer_has():
    assert list(inspect.signature(guess).parameters) == ["name", "sent", "public", "settings", "seed"]
    assert Sent._fields == ("states", "offsets")
    assert Public._fields == ("states", "offsets", "ids", "table", "clean")


def test_every_module_is_an_attack():
    folder = Path(inspect.getfile(guess)).parent
    assert {path.stem for path in folder.glob("[!_]*.py")} - {"attack"} == set(ATTACKS)


@pytest.mark.parametrize("name", ATTACKS)
def test_without_public_text_there_is_no_attack(name, language):
    with pytest.raises(PrivatuneError, match="no public text"):
        empty = Public(states := language.public().states[:0], np.array([0]), np.empty(0, int), language.table, states)
        guess(name, language.private()[0], empty, SETTINGS, 0)


def test_states_of_another_width_are_refused(language):
    sent, _ = language.private()
    with pytest.raises(PrivatuneError, match="width"):
        guess("nearest", Sent(sent.states[:, :-1], sent.offsets), language.public(), SETTINGS, 0)


def test_the_prior_counts_words_and_leaves_some_for_those_that_do_not_occur(language):
    ids, offsets = np.array([0, 3, 3, 4, 0, 0, 5, 0]), np.array([0, 5, 8])
    prior = np.exp(log_prior(Public(np.empty((8, 2)), offsets, ids, language.table, np.empty((8, 2)))))
    assert prior.sum() == pytest.approx(1)
    assert prior[3] == pytest.approx(2 * prior[4]) and prior[4] == pytest.approx(prior[5])
    unseen = np.delete(prior, [3, 4, 5])
    assert unseen.sum() == pytest.approx(prior[4] + prior[5]) and np.ptp(unseen) < 1e-9


def test_the_map_is_the_one_of_least_squares():
    rng = np.random.default_rng(0)
    inputs, offset = rng.normal(2, 1, (200, 4)).astype(np.float32), np.array([1.0, -2.0, 3.0])
    targets = inputs @ rng.normal(size=(4, 3)) + offset
    np.testing.assert_allclose(mapped(inputs, fitted(inputs, targets, 1e-9)), targets, atol=1e-4)
    weak, strong = (np.linalg.norm(fitted(inputs, targets, ridge)[:-1]) for ridge in (1e-9, 10))
    assert strong < weak / 5
    np.testing.assert_allclose(
        mapped(inputs, fitted(inputs, targets, 1e9)), np.tile(targets.mean(0), (200, 1)), atol=1e-4
    )


def test_the_highest_scores_are_those_of_a_sort():
    rng = np.random.default_rng(0)
    states, table, bias = (torch.from_numpy(rng.normal(size=size)) for size in ((7, 3), (11, 3), (11,)))
    expected = np.argsort(-(states @ table.T + bias).numpy(), axis=1)
    assert np.array_equal(highest(states, table, bias, 4), expected[:, :4])
    assert np.array_equal(highest(states, table, bias, 99), expected)
