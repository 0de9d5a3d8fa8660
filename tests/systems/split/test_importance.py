"""Importance of tokens, against a transcription of its formula and by what it may not depend on."""

import math

import numpy as np
import pytest

from privatune.core.errors import PrivatuneError
from privatune.systems.split.importance import LEAST, counts, multipliers, utility

MARK, END = 1, 2
TEXTS = [  # without marks, with its class; 8 occurs in all classes, and 9 mostly in one
    ([3, 4, 4, 8], 0),
    ([4, 5, 8], 0),
    ([5, 6, 6, 6, 6, 6, 6, 6, 8, 9], 1),
    ([6, 8], 1),
    ([7, 8, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9], 2),
    ([3], 2),
]
VOCABULARY = 12


def flat(texts):
    lengths = [len(text) + 2 for text, _ in texts]
    ids = np.concatenate([[MARK, *text, END] for text, _ in texts]).astype(np.uint32)
    return ids, np.concatenate([[0], np.cumsum(lengths)]), np.array([label for _, label in texts])


def transcription(token, own, texts, classes=3):
    """The formula as it is written, with the mean over the other classes."""
    n = [[text.count(token) for text, label in texts if label == c] for c in range(classes)]
    n = [sum(times) for times in n]
    total = [sum(len(text) for text, label in texts if label == c) for c in range(classes)]
    if n[own] == 0:
        return 0.0
    f, xi = [a / b for a, b in zip(n, total, strict=True)], 1 / max(total)
    return sum(math.log(f[own] / (f[c] + 3 * xi)) for c in range(classes) if c != own) / (classes - 1)


def test_three_classes_are_as_the_formula_says():
    useful = utility(counts(*flat(TEXTS), 3, VOCABULARY))
    expected = [[transcription(token, own, TEXTS) for token in range(VOCABULARY)] for own in range(3)]
    np.testing.assert_allclose(useful, expected, atol=1e-12)
    assert (useful > LEAST).any() and (useful < 0).any()


def test_marks_are_not_counted():
    counted = counts(*flat(TEXTS), 3, VOCABULARY)
    assert counted[:, [MARK, END]].sum() == 0 and counted.sum() == sum(len(text) for text, _ in TEXTS)


def test_a_token_of_one_class_alone_is_worth_the_log_of_its_count():
    """UI is ln(k / 3) for a token that is seen k times in the largest class and in no other."""
    texts = [([5] * 30 + [6] * 70, 0), ([7] * 100, 1)]
    assert utility(counts(*flat(texts), 2, VOCABULARY))[0, 5] == pytest.approx(math.log(30 / 3))


def test_more_classes_do_not_raise_the_importance():
    texts = [([5] * 30 + [6] * 70, 0)] + [([7] * 100, c) for c in range(1, 9)]
    useful = [utility(counts(*flat(texts[:classes]), classes, VOCABULARY))[0, 5] for classes in (2, 5, 9)]
    assert useful == pytest.approx([useful[0]] * 3)


def test_training_texts_use_their_own_class_and_others_the_largest():
    ids, offsets, labels = flat(TEXTS)
    useful = utility(counts(ids, offsets, labels, 3, VOCABULARY))
    own = multipliers(useful, ids, offsets, labels)
    for place, (token, label) in enumerate(zip(ids, np.repeat(labels, np.diff(offsets)), strict=True)):
        assert own[place] == max(useful[label, token], LEAST)
    unseen = multipliers(useful, ids, offsets, None)
    assert np.array_equal(unseen, np.maximum(useful.max(0), LEAST)[ids])
    assert (unseen >= own).all() and (unseen > own).any()


def test_without_two_classes_there_is_no_importance():
    for texts, classes in (([([3], 0)], 1), ([([3], 0)], 2)):
        with pytest.raises(PrivatuneError, match="two classes"):
            utility(counts(*flat(texts), classes, VOCABULARY))
