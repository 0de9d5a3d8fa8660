"""An interpolated n-gram model with modified Kneser-Ney smoothing (Chen, Goodman 1999), over word ids.

N-grams are counted across the whole text of a document or person: `<eos>` is a word like any other, so it is also the
context of a line's first word. The count of a longest n-gram is how often it occurs; the count of a shorter one is the
number of different words before it. Each distribution subtracts a discount from its counts and gives the probability
that this frees to the distribution whose context is one word shorter. The last of these is uniform, so that every word
of the vocabulary has a positive probability.

The n-grams form a trie: level k lists the k-grams in lexicographic order, each with the range of its continuations in
level k + 1.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from privatune.core.compiled import compiled
from privatune.core.errors import PrivatuneError
from privatune.core.tensors import load_tensors, save_tensors
from privatune.text.streams import Stream

NOTHING = -1  # in a context: no word, because the text begins after it


class Ngram(NamedTuple):
    """An n-gram model; each tuple has level k = 2, ..., order at index k - 2."""

    unigram: np.ndarray
    """[vocabulary] float32: probabilities without context."""
    starts: tuple[np.ndarray, ...]
    """[(k-1)-grams + 1] int64: the k-grams that continue (k-1)-gram i are at starts[i] : starts[i + 1]."""
    words: tuple[np.ndarray, ...]
    """[k-grams] uint32: their last words, in ascending order within each (k-1)-gram."""
    shares: tuple[np.ndarray, ...]
    """[k-grams] float32: discounted count, divided by the sum of the counts that continue the (k-1)-gram."""
    freed: tuple[np.ndarray, ...]
    """[(k-1)-grams] float32: probability that the discounts free for the distribution whose context is one word
    shorter; 1 where nothing was counted."""


def train_ngram(text: Stream, vocabulary: int, order: int = 3) -> Ngram:
    """Count the n-grams of a text and smooth them.

    Args:
        text: The text; no n-gram crosses from one unit to the next.
        vocabulary: Number of words.
        order: Number of words of the longest n-grams, at least 2.

    Raises:
        PrivatuneError: there is no text.
    """
    if order < 2:
        raise ValueError(f"expected {order=} >= 2")
    if not len(text.ids):
        raise PrivatuneError("n-gram model: there is no text to count; add text to its corpus")
    ids = np.asarray(text.ids).astype(np.int64)
    ends = np.repeat(text.offsets[1:], np.diff(text.offsets))
    # the k-gram that begins at each place, as its rank in lexicographic order among the k-grams
    ranks, places = ids, np.arange(len(ids))
    starts, words, counts = [], [], [np.bincount(ids, minlength=vocabulary)]
    for k in range(2, order + 1):
        before = len(counts[-1])
        places = places[places + k <= ends[places]]
        keys, first, inverse, count = np.unique(
            ranks[places] * vocabulary + ids[places + k - 1], return_index=True, return_inverse=True, return_counts=True
        )
        starts.append(np.searchsorted(keys, np.arange(before + 1) * vocabulary))
        words.append((keys % vocabulary).astype(np.uint32))
        # for all but the longest n-grams, the count is the number of different words before them
        counts[-1] = np.bincount(ranks[places[first] + 1], minlength=before)
        counts.append(count)
        ranks = np.full(len(ids), NOTHING)
        ranks[places] = inverse
    whole = np.array([0, vocabulary])
    share, free = _smoothed(counts[0], whole)
    smoothed = [_smoothed(count, start) for count, start in zip(counts[1:], starts, strict=True)]
    return Ngram(
        (share + free[0] / vocabulary).astype(np.float32),
        tuple(starts),
        tuple(words),
        tuple(share.astype(np.float32) for share, _ in smoothed),
        tuple(free.astype(np.float32) for _, free in smoothed),
    )


def discounts(counts: np.ndarray) -> np.ndarray:
    """Discounts for counts of 0, 1, 2, and 3 or more, [4] float64 (Chen, Goodman 1999, equation 26).

    If the text is too short to estimate them, all but the first are 0.5. An estimate that is not above 0 and at most
    its count is also replaced by 0.5.

    >>> discounts(np.repeat([1, 2, 3, 4], [8, 4, 2, 1])).tolist()
    [0.0, 0.5, 1.25, 2.0]
    """
    n = np.bincount(np.minimum(counts, 5), minlength=6)[1:5].astype(np.float64)
    if not n.all():
        return np.array([0.0, 0.5, 0.5, 0.5])
    base = n[0] / (n[0] + 2 * n[1])
    found = [c - (c + 1) * base * n[c] / n[c - 1] for c in (1, 2, 3)]
    return np.array([0.0] + [d if 0 < d <= c else 0.5 for c, d in enumerate(found, 1)])


def _smoothed(counts: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Discounted shares of the counts in the groups that begin at `starts`, and the share freed in each group."""
    off = discounts(counts)[np.minimum(counts, 3)]
    sums = [np.concatenate([[0], np.cumsum(part)]) for part in (counts, off)]
    total, taken = (whole[starts[1:]] - whole[starts[:-1]] for whole in sums)
    shares = (counts - off) / np.repeat(np.maximum(total, 1), np.diff(starts))
    return shares, np.where(total > 0, taken / np.maximum(total, 1), 1.0)


def probabilities(model: Ngram, contexts: np.ndarray, out: np.ndarray | None = None) -> np.ndarray:
    """Distributions of the next word, [n, vocabulary] float32.

    Args:
        model: As `train_ngram` returns it.
        contexts: [n, order - 1] ids, with the last word rightmost and NOTHING before the beginning of the text.
        out: Array for the result.

    Raises:
        ValueError: shapes or ids do not fit the model.
    """
    n, vocabulary = len(contexts), len(model.unigram)
    if contexts.shape != (n, len(model.words)):
        raise ValueError(f"expected {len(model.words)} words per context, not {contexts.shape=}")
    if n and not NOTHING <= contexts.min() <= contexts.max() < vocabulary:
        raise ValueError(f"contexts from {contexts.min()} to {contexts.max()} are not ids of {vocabulary} words")
    if out is None:
        out = np.empty((n, vocabulary), np.float32)
    _fill(np.ascontiguousarray(contexts, np.int64), *model, out)
    return out


def contexts_of(ids: np.ndarray, order: int) -> np.ndarray:
    """Contexts of every word but the first of each row, [rows, words] -> [rows, words - 1, order - 1].

    >>> contexts_of(np.array([[5, 6, 7]]), 3).tolist()
    [[[-1, 5], [5, 6]]]
    """
    padded = np.pad(ids.astype(np.int64), ((0, 0), (order - 2, 0)), constant_values=NOTHING)
    return np.lib.stride_tricks.sliding_window_view(padded, order - 1, axis=1)[:, :-1]


def save_ngram(path: str | Path, model: Ngram) -> None:
    """Atomically write a model, which `load_ngram` reads."""
    arrays = {"unigram": model.unigram}
    for name in model._fields[1:]:
        arrays |= {f"{name}.{k}": array for k, array in enumerate(getattr(model, name), 2)}
    save_tensors(path, arrays, {"order": len(model.words) + 1})


def load_ngram(path: str | Path) -> Ngram:
    """Read a model; raises PrivatuneError naming the file when it is missing or damaged."""
    arrays, about = load_tensors(path)
    try:
        levels = range(2, about["order"] + 1)
        rest = [tuple(arrays[f"{name}.{k}"] for k in levels) for name in Ngram._fields[1:]]
        return Ngram(arrays["unigram"], *rest)
    except (KeyError, TypeError) as error:
        raise PrivatuneError(f"{path}: not an n-gram model; delete it and run again") from error


@compiled
def _fill(contexts, unigram, starts, words, shares, freed, out):  # type: ignore[no-untyped-def]
    """Write the distributions of all contexts to `out`.

    Each level scales the result of the levels below it and adds to some words. So all scales are multiplied first, and
    the whole vocabulary is written once.
    """
    nodes = np.empty(len(words), np.int64)
    for i in range(len(contexts)):
        scale = np.float32(1.0)
        for level in range(len(words)):
            nodes[level] = _node(contexts[i, len(words) - 1 - level :], starts, words)
            if nodes[level] >= 0:
                scale *= freed[level][nodes[level]]
        for word in range(len(unigram)):
            out[i, word] = scale * unigram[word]
        for level in range(len(words)):
            node = nodes[level]
            if node >= 0:
                scale /= freed[level][node]
                for place in range(starts[level][node], starts[level][node + 1]):
                    out[i, words[level][place]] += scale * shares[level][place]


@compiled
def _node(context, starts, words):  # type: ignore[no-untyped-def]
    """Index of a context among those of its length in the trie, or -1 if it was never seen."""
    node = context[0]
    for level in range(len(context) - 1):
        if node < 0:
            return node
        low, high = starts[level][node], starts[level][node + 1]
        place = low + np.searchsorted(words[level][low:high], context[level + 1])
        node = place if place < high and words[level][place] == context[level + 1] else -1
    return node
