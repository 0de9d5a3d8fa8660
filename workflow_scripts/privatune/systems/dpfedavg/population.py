"""Who may be drawn in private training: the private corpus's persons, and synthetic ones who carry canaries."""

from collections.abc import Sequence

import numpy as np

from privatune.attacks.canaries import Canary, carriers, draw_canaries
from privatune.federation.cohorts import carriers_drawn
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


def visits(planted: Sequence[Canary], participation: float, rounds: int, seed: int) -> np.ndarray:
    """How often carriers of each canary took part in a training, [canaries].

    Who of the carriers came is no secret, as they are synthetic and are drawn apart from the persons; the persons'
    cohort stays one.

    Args:
        planted: in the order in which their carriers stand in the population.
        participation: see CanarySettings.
        rounds: of the training.
        seed: of the carriers' draws.
    """
    carried = np.repeat(np.arange(len(planted)), [canary.n_users for canary in planted])
    came = [n for number in range(1, rounds + 1) for n in carriers_drawn(len(carried), participation, number, seed)]
    return np.bincount(carried[came], minlength=len(planted))


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
