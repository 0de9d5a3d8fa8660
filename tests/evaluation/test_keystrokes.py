import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from privatune.core.errors import PrivatuneError
from privatune.evaluation.keystrokes import prefix_index, type_words

MARKS = ["<unk>", "<eos>"]


def naive(words, scores, target, length, suggestions):
    """As the paper says it, one word at a time."""
    if target == 1:
        return 0, -1
    ranking = sorted(range(2, len(words)), key=lambda word: (-scores[word], word))
    if target == 0:
        return length, len(words)
    for letters in range(len(words[target]) + 1):
        matching = [word for word in ranking if words[word].startswith(words[target][:letters])]
        if target in matching[:suggestions] or letters == len(words[target]):
            return letters, ranking.index(target)


@st.composite
def cases(draw):
    # two letters and short: many shared prefixes, many words that are prefixes of others, single letters
    words = MARKS + draw(
        st.lists(st.text("ab\U0001f600", min_size=1, max_size=5), unique=True, min_size=1, max_size=40)
    )
    count = draw(st.integers(0, 8))
    # few values: many ties
    value = draw(st.sampled_from([st.integers(0, 2), st.floats(-9, 9, width=32), st.just(0), st.just(-np.inf)]))
    scores = draw(arrays(np.float32, (count, len(words)), elements=value))
    targets = draw(arrays(np.int64, count, elements=st.integers(0, len(words) - 1)))
    lengths = np.array([draw(st.integers(1, 255)) if target == 0 else 0 for target in targets], np.uint8)
    return words, scores, targets, lengths, draw(st.integers(1, 4))


@given(cases())
@settings(max_examples=3 * settings().max_examples)
def test_as_the_naive_reference(case):
    words, scores, targets, lengths, suggestions = case
    typed, ranks = type_words(scores, targets, lengths, prefix_index(words), suggestions)
    expected = [naive(words, *row, suggestions) for row in zip(scores, targets, lengths, strict=True)]
    assert list(zip(typed.tolist(), ranks.tolist(), strict=True)) == expected
    assert typed.dtype == ranks.dtype == np.int32


def test_by_hand():
    words = [*MARKS, "the", "to", "a", "than", "that", "i", "thank"]
    # the ranking: the, to, a, than, that, i, thank
    scores = np.tile(np.float32([99, 99, 7, 6, 5, 4, 3, 2, 1]), (8, 1))
    targets = np.array([2, 4, 5, 6, 7, 8, 0, 1])
    lengths = np.array([3, 1, 4, 4, 1, 5, 12, 0], np.uint8)
    typed, ranks = type_words(scores, targets, lengths, prefix_index(words))
    # the, a: at once. than: t leaves the, to, than. that: th leaves the, than, that. i: typed. thank: tha leaves than,
    # that, thank. The unknown word has 12 letters. The end of a line is free.
    assert typed.tolist() == [0, 0, 1, 2, 1, 3, 12, 0]
    assert ranks.tolist() == [0, 2, 3, 4, 5, 6, 9, -1]
    saved = 100 * (lengths.sum() - typed.sum()) / lengths.sum()
    assert saved == pytest.approx(100 * (30 - 19) / 30)


def test_never_suggested_is_typed_in_full():
    words = [*MARKS, "ab", "abc", "abd", "abe", "a"]
    scores = np.float32([[0, 0, 1, 5, 4, 3, 2]])
    typed, _ = type_words(scores, np.array([2]), np.array([2]), prefix_index(words))
    assert typed.tolist() == [2]


@pytest.mark.parametrize("target", [0, 1, 2, 3])
@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_scores_that_are_not_numbers_are_refused(target, place):
    scores = np.zeros((2, 4), np.float32)
    scores[1, place] = np.nan
    with pytest.raises(PrivatuneError, match="not numbers"):
        type_words(scores, np.array([2, target]), np.array([1, 1]), prefix_index([*MARKS, "a", "b"]))


def test_views_of_other_orders_and_types():
    index = prefix_index([*MARKS, "ab", "b", "ac", "ad", "ae"])
    scores = np.arange(14.0).reshape(7, 2).T
    expected = type_words(np.ascontiguousarray(scores, np.float32), np.array([2, 3]), np.array([2, 1]), index)
    found = type_words(scores, np.array([2, 3], np.uint16), np.array([2, 1], np.uint8), index)
    np.testing.assert_array_equal(found, expected)


def test_what_does_not_fit_is_refused():
    index = prefix_index([*MARKS, "a"])
    with pytest.raises(ValueError, match="do not fit"):
        type_words(np.zeros((1, 4), np.float32), np.array([2]), np.array([1]), index)
    with pytest.raises(ValueError, match="not ids"):
        type_words(np.zeros((1, 3), np.float32), np.array([3]), np.array([1]), index)
