"""The n-gram model against the recursion of Chen and Goodman (1999), one probability at a time."""

from collections import Counter
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.core.tensors import save_tensors
from privatune.models.ngram import (
    NOTHING,
    contexts_of,
    discounts,
    load_ngram,
    probabilities,
    save_ngram,
    train_ngram,
)
from privatune.text.streams import Stream

WORDS = 12


def text(*units):
    ids = np.array([word for unit in units for word in unit], np.uint16)
    offsets = np.cumsum([0] + [len(unit) for unit in units])
    return Stream(ids, np.zeros(len(ids), np.uint8), offsets, [str(n) for n in range(len(units))])


def zipf(seed, count, words=WORDS):
    """Words of which each tells something about the next."""
    rng = stream(seed, "text")
    ids = (words * rng.random(count) ** 3).astype(int)
    ids[1:] = np.where(rng.random(count - 1) < 0.4, (ids[:-1] * 5 + 1) % words, ids[1:])
    return ids.tolist()


def naive(units, order, vocabulary):
    """P(word | context) by dictionaries of tuples."""
    grams = [
        Counter(tuple(unit[i : i + k]) for unit in units for i in range(len(unit) - k + 1)) for k in range(order + 2)
    ]
    counts = [None, *(Counter(g[1:] for g in grams[k + 1]) for k in range(1, order)), grams[order]]

    def discount(k, count):
        n = [sum(c == i for c in counts[k].values()) for i in range(1, 5)]
        if not all(n):
            return 0.5
        y, c = n[0] / (n[0] + 2 * n[1]), min(count, 3)
        d = c - (c + 1) * y * n[c] / n[c - 1]
        return d if 0 < d <= c else 0.5

    @cache
    def followers(context):
        return {g[-1]: c for g, c in counts[len(context) + 1].items() if g[:-1] == context}

    def probability(word, context):
        lower = probability(word, context[1:]) if context else 1 / vocabulary
        seen, k = followers(context), len(context) + 1
        if not seen:
            return lower
        total = sum(seen.values())
        freed = sum(discount(k, c) for c in seen.values()) / total
        own = (seen[word] - discount(k, seen[word])) / total if word in seen else 0.0
        return own + freed * lower

    return probability


@pytest.mark.parametrize("order", [2, 3, 4])
@pytest.mark.parametrize("counts", [(400,), (60, 1, 80, 30), (5,)], ids=["long", "units", "short"])
def test_equals_the_recursion(order, counts):
    units = [zipf(seed, count) for seed, count in enumerate(counts)]
    model = train_ngram(text(*units), WORDS, order)
    expected = naive(units, order, WORDS)
    rng = stream(9, "contexts")
    contexts = rng.integers(0, WORDS, (25, order - 1))
    contexts[:5, : order - 2] = NOTHING
    found = probabilities(model, contexts)
    for context, row in zip(contexts.tolist(), found, strict=True):
        known = tuple(word for word in context if word != NOTHING)
        np.testing.assert_allclose(row, [expected(word, known) for word in range(WORDS)], rtol=2e-5)


@given(st.lists(st.lists(st.integers(0, WORDS - 1), max_size=30), min_size=1, max_size=4), st.integers(2, 4))
def test_distributions_sum_to_one(units, order):
    if not any(units):
        with pytest.raises(PrivatuneError, match="no text"):
            train_ngram(text(*units), WORDS, order)
        return
    model = train_ngram(text(*units), WORDS, order)
    some = np.array([unit[: order - 1] for unit in units if len(unit) >= order - 1] + [[0] * (order - 1)])
    found = probabilities(model, some)
    assert (found > 0).all()
    np.testing.assert_allclose(found.sum(1, dtype=np.float64), 1, rtol=1e-5)


def test_sums_to_one_over_a_large_vocabulary():
    ids = zipf(0, 50_000, 5000)
    model = train_ngram(text(ids), 20_000)
    found = probabilities(model, contexts_of(np.array([zipf(1, 300, 5000)]), 3)[0])
    np.testing.assert_allclose(found.sum(1, dtype=np.float64), 1, rtol=1e-5)


def test_discounts_of_counted_counts():
    """Chen and Goodman (1999), equation 26: Y = n1 / (n1 + 2 n2), D_c = c - (c + 1) Y n_(c+1) / n_c."""
    y = 100 / (100 + 2 * 40)
    expected = [0, 1 - 2 * y * 40 / 100, 2 - 3 * y * 20 / 40, 3 - 4 * y * 12 / 20]
    np.testing.assert_allclose(discounts(np.repeat([1, 2, 3, 4, 5, 9], [100, 40, 20, 12, 9, 3])), expected)
    np.testing.assert_array_equal(discounts(np.array([0, 1, 1])), [0, 0.5, 0.5, 0.5])


def test_context_helps_and_a_longer_one_more():
    """Words that the two before them decide, but neither alone."""
    rng = stream(0, "text")
    ids = rng.integers(0, 7, 2).tolist()
    for _ in range(6000):
        ids.append((ids[-1] + ids[-2]) % 7 if rng.random() < 0.8 else int(rng.integers(0, 7)))
    held, train = np.array([ids[:1000]]), text(ids[1000:])
    perplexities = []
    for order in (2, 3):
        rows = probabilities(train_ngram(train, 7, order), contexts_of(held, order)[0])
        perplexities.append(np.exp(-np.log(rows[np.arange(999), held[0, 1:]]).mean()))
    assert perplexities[0] > 6.5
    assert perplexities[1] < 3


def test_contexts_that_do_not_fit_are_refused():
    model = train_ngram(text(zipf(0, 50)), WORDS)
    for wrong in (np.zeros((1, 1), int), np.full((1, 2), WORDS), np.full((1, 2), -2)):
        with pytest.raises(ValueError, match="contexts"):
            probabilities(model, wrong)
    with pytest.raises(ValueError, match="order"):
        train_ngram(text([1, 2]), WORDS, 1)


def test_survives_the_disk(tmp_path):
    model = train_ngram(text(zipf(0, 300)), WORDS, 4)
    save_ngram(tmp_path / "n", model)
    contexts = stream(1, "c").integers(0, WORDS, (20, 3))
    np.testing.assert_array_equal(probabilities(load_ngram(tmp_path / "n"), contexts), probabilities(model, contexts))
    save_tensors(tmp_path / "other", {"a": np.zeros(3)})
    with pytest.raises(PrivatuneError, match="other: not an n-gram model"):
        load_ngram(tmp_path / "other")
