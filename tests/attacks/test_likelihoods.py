"""Texts that one model writes, against the slow and obvious way."""

import itertools

import numpy as np
import pytest
import torch

from privatune.attacks import likelihoods
from privatune.attacks.likelihoods import BLOCK, write_texts
from privatune.core.streams import stream
from privatune.models.network import hidden_states, initial_weights, output_weight, zero_state
from privatune.models.settings import LstmSettings
from privatune.text.settings import EOS, UNK

WORDS = 7


def model(seed, words=WORDS, tied=True):
    weights = initial_weights(LstmSettings(hidden=8, tied=tied), words, stream(seed, "weights"))
    return {name: 8 * weight if name in ("embedding", "output.weight") else weight for name, weight in weights.items()}


def log_probability(weights, text):
    """Word by word, in float64, with the words that are never written left out."""
    weights = {name: weight.double() for name, weight in weights.items()}
    state, total = zero_state(weights, 1), 0.0
    for before, word in itertools.pairwise([EOS, *map(int, text)]):
        hidden, state = hidden_states(weights, weights["embedding"][torch.tensor([[before]])], state)
        logits = output_weight(weights) @ hidden[0, 0] + weights["output.bias"]
        allowed = [n for n in range(len(logits)) if n not in (UNK, EOS)]
        total += float(logits[word] - torch.logsumexp(logits[allowed], 0))
    return total


@pytest.mark.parametrize("tied", [True, False])
def test_likelihoods_are_those_of_one_word_after_the_other(tied):
    writer, reader = model(0, 300, tied), model(1, 300, tied)
    texts = write_texts(writer, reader, 40, 5, (0, "a"))
    assert texts.words.shape == (40, 5)
    for n, text in enumerate(texts.words):
        assert texts.log_writer[n] == pytest.approx(log_probability(writer, text), abs=1e-5)
        assert texts.log_reader[n] == pytest.approx(log_probability(reader, text), abs=1e-5)


def test_texts_come_as_often_as_their_probability_says():
    writer, count = model(0), 40_000
    texts = write_texts(writer, model(1), count, 2, (0, "often"))
    allowed = [n for n in range(WORDS) if n not in (UNK, EOS)]
    expected = {text: np.exp(log_probability(writer, text)) for text in itertools.product(allowed, repeat=2)}
    assert sum(expected.values()) == pytest.approx(1)
    found, times = np.unique(texts.words, axis=0, return_counts=True)
    assert set(map(tuple, found.tolist())) <= expected.keys()
    for text, number in zip(map(tuple, found.tolist()), times, strict=True):
        mean = count * expected[text]
        assert abs(number - mean) < 5 * np.sqrt(mean) + 1


def test_the_mean_of_one_over_c_is_one():
    texts = write_texts(model(0), model(1), 20_000, 3, (0, "mean"))
    inverse = np.exp(texts.log_reader - texts.log_writer)
    assert inverse.mean() == pytest.approx(1, abs=5 * inverse.std() / np.sqrt(20_000))


def test_the_split_into_batches_does_not_matter(monkeypatch):
    count = 2 * BLOCK + 17
    whole = write_texts(model(0), model(1), count, 4, (0, "split"))
    monkeypatch.setattr(likelihoods, "TILE", 3)
    parts = write_texts(model(0), model(1), count, 4, (0, "split"), together=1)
    assert whole.words.tolist() == parts.words.tolist()
    np.testing.assert_allclose(whole.log_writer, parts.log_writer, atol=1e-5)
    fewer = write_texts(model(0), model(1), BLOCK + 1, 4, (0, "split"))
    assert fewer.words.tolist() == whole.words[: BLOCK + 1].tolist()


def test_streams_are_keyed():
    one, same, other = (write_texts(model(0), model(0), 50, 3, (0, key)) for key in ("a", "a", "b"))
    assert one.words.tolist() == same.words.tolist() != other.words.tolist()
    assert one.log_writer.tolist() == one.log_reader.tolist(), "a model is its own neighbour"


def test_a_point_on_the_very_end_still_meets_a_word():
    probabilities = torch.zeros(1, 256)
    probabilities[0, [3, 140]] = 0.5
    rows, points = torch.zeros(4, dtype=torch.long), torch.tensor([0.0, 0.5, 1 - 2**-53, 1.0], dtype=torch.float64)
    assert likelihoods._draw(probabilities, rows, points).tolist() == [3, 140, 140, 140]
