"""Build the population of DP training: the persons of the private corpus, and synthetic ones who carry canaries."""

from collections.abc import Sequence

import numpy as np

from privatune.attacks.canaries import Canary, carriers, draw_canaries
from privatune.federation.cohorts import carriers_drawn
from privatune.systems.dpfedavg.job_settings import CanarySettings
from privatune.text.streams import Stream


def population(
    private: Stream, general: Stream, words: Sequence[str], canaries: CanarySettings | None, seed: int
) -> Stream:
    """Return the persons, one unit each, followed by the carriers of canaries.

    Args:
        private: the text of the persons.
        general: public text, from which carriers take their other sentences.
        words: the vocabulary.
        canaries: the settings of canaries; null if nobody carries any.
        seed: the seed of canaries and carriers.
    """
    if canaries is None:
        return private
    planted = draw_canaries(len(words), canaries.users, canaries.copies, canaries.per_cell, seed)
    return joined([private, carriers(planted, general, words, canaries.sentences, seed)])


def visits(planted: Sequence[Canary], participation: float, rounds: int, seed: int) -> np.ndarray:
    """Return how often carriers of each canary took part in a training, [canaries].

    It is no secret which carriers took part, as they are synthetic and are drawn separately from the persons, whose
    cohort stays secret.

    Args:
        planted: the canaries, in the order of their carriers in the population.
        participation: the probability with which a carrier takes part in a round.
        rounds: the number of rounds of the training.
        seed: the seed of the carriers' draws.
    """
    carried = np.repeat(np.arange(len(planted)), [canary.n_users for canary in planted])
    came = [n for number in range(1, rounds + 1) for n in carriers_drawn(len(carried), participation, number, seed)]
    return np.bincount(carried[came], minlength=len(planted))


def joined(streams: Sequence[Stream]) -> Stream:
    """Join several texts into one: the units of the first, then those of the next."""
    starts = np.cumsum([0] + [len(text.ids) for text in streams])
    offsets = [text.offsets[1:] + start for text, start in zip(streams, starts, strict=False)]
    return Stream(
        np.concatenate([np.asarray(text.ids) for text in streams]),
        np.concatenate([np.asarray(text.lengths) for text in streams]),
        np.concatenate([[0], *offsets]),
        [name for text in streams for name in text.units],
    )
