"""Count the keystrokes that a model's suggestions save (Popov et al., 2018), and find the rank of the intended word.

A keyboard suggests the `suggestions` most probable words that begin with the letters typed so far. A word is typed
letter by letter until it is among them: it takes 0 letters if it is suggested at once, and all its letters if it never
is. `<unk>` and `<eos>` are never suggested. Among equal scores, the lower id comes first.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from privatune.core.compiled import compiled
from privatune.core.errors import PrivatuneError
from privatune.text.settings import EOS, MARKS, UNK

NOT_A_WORD = -1


class PrefixIndex(NamedTuple):
    """Tells, for each word and each of its prefixes, which words share that prefix."""

    order: np.ndarray
    """[words] int32: ids in code point order of the words, without `<unk>` and `<eos>`."""
    starts: np.ndarray
    """[vocabulary + 1] int64: where the ranges of word w begin, one range for each prefix shorter than the word."""
    low: np.ndarray
    """[ranges] int32: the first place in `order` of the words that share the prefix."""
    high: np.ndarray
    """[ranges] int32: the place after the last of these words."""


def prefix_index(words: Sequence[str]) -> PrefixIndex:
    """Build the index of a vocabulary whose words are in the order of their ids, `<unk>` and `<eos>` first.

    >>> index = prefix_index(["<unk>", "<eos>", "to", "a", "at"])
    >>> index.order.tolist(), index.low.tolist(), index.high.tolist()
    ([3, 4, 2], [0, 2, 0, 0, 0], [3, 3, 3, 3, 2])
    """
    order = sorted(range(len(MARKS), len(words)), key=words.__getitem__)
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    for place, number in enumerate(order):
        for letters in range(len(words[number]) + 1):
            prefix = words[number][:letters]
            first.setdefault(prefix, place)
            last[prefix] = place + 1
    prefixes = [[word[:letters] for letters in range(len(word))] for word in words[len(MARKS) :]]
    starts = np.cumsum([0, 0, 0] + [len(found) for found in prefixes])
    low = np.array([first[prefix] for found in prefixes for prefix in found], np.int32)
    high = np.array([last[prefix] for found in prefixes for prefix in found], np.int32)
    return PrefixIndex(np.array(order, np.int32), starts.astype(np.int64), low, high)


def type_words(
    logits: np.ndarray, targets: np.ndarray, lengths: np.ndarray, index: PrefixIndex, suggestions: int = 3
) -> tuple[np.ndarray, np.ndarray]:
    """Return the letters typed for each target, and its rank among the suggestions before any letter is typed.

    Args:
        logits: [n, vocabulary] float32, scores or log-probabilities of the next word.
        targets: [n] ids of the intended words.
        lengths: [n] numbers of letters of those words in the text.
        index: the prefix index of the vocabulary.
        suggestions: how many words the keyboard shows.

    Returns:
        typed: [n] int32; a target outside the vocabulary is typed in full, and `<eos>` costs nothing.
        ranks: [n] int32, 0 for the most probable word, the vocabulary's size for a target outside it (never suggested),
            and -1 for `<eos>` (not counted). Recall at k is the share of ranks below k among the ranks >= 0.

    Raises:
        PrivatuneError: a score is NaN.
        ValueError: shapes or ids do not match.
    """
    count, vocabulary = logits.shape
    if len(index.starts) != vocabulary + 1 or targets.shape != (count,) or lengths.shape != (count,):
        raise ValueError(f"{logits.shape=} {targets.shape=} {lengths.shape=} do not fit {len(index.starts) - 1} words")
    if count and not 0 <= targets.min() <= targets.max() < vocabulary:
        raise ValueError(f"targets from {targets.min()} to {targets.max()} are not ids of {vocabulary} words")
    typed = np.empty(count, np.int32)
    ranks = np.empty(count, np.int32)
    if not _type_all(
        np.ascontiguousarray(logits, np.float32),
        targets.astype(np.int64),
        lengths.astype(np.int64),
        *index,
        suggestions,
        typed,
        ranks,
    ):
        raise PrivatuneError("a model's scores are not numbers, so it has diverged; lower its learning_rate or clip")
    return typed, ranks


@compiled
def _type_all(logits, targets, lengths, order, starts, low, high, suggestions, typed, ranks):  # type: ignore[no-untyped-def]
    """Fill `typed` and `ranks`; return False if a score is NaN."""
    for i in range(len(targets)):
        target = targets[i]
        scores = logits[i]
        rank = _rank(scores, target)
        if rank < 0:
            return False
        if target == EOS:
            typed[i], ranks[i] = 0, NOT_A_WORD
        elif target == UNK:
            typed[i], ranks[i] = lengths[i], len(scores)
        elif rank < suggestions:
            typed[i], ranks[i] = 0, rank
        else:
            ranks[i] = rank
            typed[i] = _letters(scores, target, order, low, high, starts[target], starts[target + 1], suggestions)
    return True


@compiled
def _rank(scores, target):  # type: ignore[no-untyped-def]
    """Return how many of all words rank before the target, or -1 if a score, including those of the marks, is NaN."""
    # With unsigned indices, sums of one width and no branches, LLVM uses vector instructions: 15 times as fast.
    score = scores[target]
    bad = np.int32((scores[UNK] != scores[UNK]) + (scores[EOS] != scores[EOS]))
    before = np.int32(0)
    for word in range(np.uint64(len(MARKS)), np.uint64(target)):
        before = np.int32(before + (1 if scores[word] >= score else 0))
        bad = np.int32(bad + (1 if scores[word] != scores[word] else 0))
    for word in range(np.uint64(max(target, len(MARKS))), np.uint64(len(scores))):
        before = np.int32(before + (1 if scores[word] > score else 0))
        bad = np.int32(bad + (1 if scores[word] != scores[word] else 0))
    return -1 if bad > 0 else before


@compiled
def _letters(scores, target, order, low, high, start, end, suggestions):  # type: ignore[no-untyped-def]
    """Return the letters typed until the target is suggested: at least one, since it is not suggested at once.

    The words that share a prefix also share every shorter one. The count therefore starts at the longest prefix, adds
    the words that rank before the target and only share the next shorter prefix, and stops when there are too many.
    """
    before = 0
    left = right = low[end - 1]
    for place in range(end - 1, start, -1):
        before += _before(scores, target, order, low[place], left)
        before += _before(scores, target, order, right, high[place])
        if before >= suggestions:
            return place - start + 1
        left, right = low[place], high[place]
    return 1


@compiled
def _before(scores, target, order, left, right):  # type: ignore[no-untyped-def]
    """Return how many of the words order[left:right] rank before the target."""
    score = scores[target]
    before = 0
    for place in range(left, right):
        word = order[place]
        before += (scores[word] > score) or (scores[word] == score and word < target)
    return before
