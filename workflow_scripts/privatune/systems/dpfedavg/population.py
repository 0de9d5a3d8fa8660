"""Who may be drawn in private training: the private corpus's persons, and synthetic ones who carry canaries."""

from collections.abc import Sequence

import numpy as np

from privatune.attacks.canaries import carriers, draw_canaries
from privatune.systems.dpfedavg.job_settings import CanarySettings
from privatune.text.streams import Stream


def population(
    private: Stream, general: Stream, words: Sequence[str], canaries: CanarySettings | None, seed: int
) -> Stream:
    """The persons, one unit each, and behind them those who carry canaries.

    Args:
        private: text of the persons.
        general: public text, which carriers write between canaries.
        words: the vocabulary.
        canaries: null: nobody carries any.
        seed: of canaries and carriers.
    """
    if canaries is None:
        return private
    planted = draw_canaries(len(words), canaries.users, canaries.copies, canaries.per_cell, seed)
    return joined([private, carriers(planted, general, words, canaries.sentences, seed)])


def joined(streams: Sequence[Stream]) -> Stream:
    """Several texts as one: the units of the first, then those of the next."""
    starts = np.cumsum([0] + [len(text.ids) for text in streams])
    offsets = [text.offsets[1:] + start for text, start in zip(streams, starts, strict=False)]
    return Stream(
        np.concatenate([np.asarray(text.ids) for text in streams]),
        np.concatenate([np.asarray(text.lengths) for text in streams]),
        np.concatenate([[0], *offsets]),
        [name for text in streams for name in text.units],
    )
