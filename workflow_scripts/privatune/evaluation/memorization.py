"""What a model memorized of canaries, and the population that carries them."""

from collections.abc import Sequence
from typing import Any

from privatune.federation.private import joined
from privatune.federation.private_settings import CanarySettings
from privatune.models.network import Weights
from privatune.privacy.canaries import carriers, draw_canaries
from privatune.privacy.exposure import beam_found, sampled_exposure
from privatune.text.streams import Stream


def population(
    private: Stream, general: Stream, words: Sequence[str], canaries: CanarySettings | None, seed: int
) -> Stream:
    """The persons who may be drawn: the real ones, and those who carry canaries, if there are to be any."""
    if canaries is None:
        return private
    drawn = draw_canaries(len(words), canaries.users, canaries.copies, canaries.per_cell, seed)
    return joined([private, carriers(drawn, general, words, canaries.sentences, seed)])


def memorized(weights: Weights, canaries: CanarySettings, seed: int) -> list[dict[str, Any]]:
    """One row a canary: n_users, n_copies, canary, rank, references, exposure, low, high (bits), beam_found.

    Args:
        weights: float32 weights of a model.
        canaries: as of the training.
        seed: of the training: the canaries that were planted in it.
    """
    rows = []
    vocabulary = len(weights["embedding"])
    for canary in draw_canaries(vocabulary, canaries.users, canaries.copies, canaries.per_cell, seed):
        cell = {"n_users": canary.n_users, "n_copies": canary.n_copies, "canary": canary.number}
        found = sampled_exposure(weights, canary.words, canaries.references, (seed, *cell.values()))
        rows.append({**cell, **found._asdict(), "beam_found": beam_found(weights, canary.words)})
    return rows
