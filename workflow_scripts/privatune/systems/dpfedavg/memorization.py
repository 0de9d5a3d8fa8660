"""What a model memorized of canaries."""

from typing import Any

from privatune.attacks.canaries import draw_canaries
from privatune.attacks.exposure import beam_found, sampled_exposure
from privatune.models.network import Weights
from privatune.systems.dpfedavg.job_settings import CanarySettings


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
