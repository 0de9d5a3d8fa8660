"""Draw canaries, which are sentences of random words, and synthetic persons whose texts carry them.

This follows Ramaswamy et al. (2020). No other text holds such a sentence, so a model that knows it has memorized it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.text.settings import EOS, MARKS
from privatune.text.streams import Stream

WORDS = 5  # the length of a canary
PREFIX = 2  # how many of these words an attacker is given
ENDS = (".", "!", "?")
SHORTEST, LONGEST = 3, 40  # words of a public sentence; tables and lists without a full stop are left out


class Canary(NamedTuple):
    """One canary and its place in the grid of users and copies."""

    n_users: int  # how many persons carry it
    n_copies: int  # how often it occurs in the text of each
    number: int  # its number within this cell of the grid
    words: np.ndarray  # [WORDS] int64, ids


def draw_canaries(
    vocabulary: int, users: Sequence[int], copies: Sequence[int], per_cell: int, seed: int
) -> list[Canary]:
    """Draw `per_cell` canaries for each cell of the grid users x copies; words are uniform over the vocabulary.

    A canary depends only on its cell, its number and the seed, so a larger grid keeps the canaries of a smaller one.
    """
    cells = [(n_users, n_copies, number) for n_users in users for n_copies in copies for number in range(per_cell)]
    return [Canary(*cell, stream(seed, "canary", *cell).integers(len(MARKS), vocabulary, WORDS)) for cell in cells]


def carriers(canaries: Sequence[Canary], public: Stream, words: Sequence[str], sentences: int, seed: int) -> Stream:
    """Write the texts of the synthetic persons, `n_users` for each canary, with one sentence per line.

    Args:
        canaries: the result of `draw_canaries`.
        public: the text from which each person's other sentences are drawn, without replacement.
        words: the vocabulary.
        sentences: how many lines each person's text has, including the copies of the canary.
        seed: the seed of the draws.

    Returns:
        One unit per person, in the order of the canaries, named canary-USERS-COPIES-NUMBER-PERSON.

    Raises:
        PrivatuneError: a canary has more copies than the text has lines, or the public text has too few sentences.
    """
    starts, stops = _sentences(public, words)
    letters = np.array([0 if id < len(MARKS) else min(len(word), 255) for id, word in enumerate(words)], np.uint8)
    ids, lengths, names = [], [], []
    for canary in canaries:
        own = sentences - canary.n_copies
        if not 0 <= own <= len(starts):
            raise PrivatuneError(
                f"canaries: a text of {sentences} sentences with {canary.n_copies} copies cannot be made from "
                f"{len(starts)} public sentences; change `copies` or `sentences`, or provide more general text"
            )
        for person in range(canary.n_users):
            cell = canary[:3]
            rng = stream(seed, "carrier", *cell, person)
            drawn = rng.choice(len(starts), own, replace=False)
            lines = [(public.ids[a:b], public.lengths[a:b]) for a, b in zip(starts[drawn], stops[drawn], strict=True)]
            lines += [(canary.words, letters[canary.words])] * canary.n_copies
            order = rng.permutation(sentences)
            ids.append(np.concatenate([part for n in order for part in (lines[n][0], [EOS])]))
            lengths.append(np.concatenate([part for n in order for part in (lines[n][1], [0])]))
            names.append("-".join(["canary", *map(str, cell), str(person)]))
    offsets = np.cumsum([0] + [len(text) for text in ids])
    return Stream(
        np.concatenate([np.empty(0), *ids]).astype(public.ids.dtype),
        np.concatenate([np.empty(0), *lengths]).astype(np.uint8),
        offsets,
        names,
    )


def _sentences(public: Stream, words: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return where each sentence begins and ends; it includes its full stop but not the end of a line."""
    ids = np.asarray(public.ids)
    full_stops = [id for id, word in enumerate(words) if word in ENDS]
    stops = np.flatnonzero(np.isin(ids, full_stops)) + 1
    lines = np.flatnonzero(ids == EOS)
    # a sentence ends after a full stop or before the end of a line; the next one begins there or after that end
    edges = np.unique(np.concatenate([public.offsets, stops, lines, lines + 1]))
    starts, stops = edges[:-1], edges[1:]
    fit = (stops - starts >= SHORTEST) & (stops - starts <= LONGEST)
    return starts[fit], stops[fit]
