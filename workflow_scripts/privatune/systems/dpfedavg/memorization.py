"""Measure what a model memorized of canaries."""

from typing import Any

from privatune.attacks.canaries import draw_canaries
from privatune.attacks.exposure import beam_found, sampled_exposure
from privatune.models.network import Weights
from privatune.systems.dpfedavg.job_settings import CanarySettings
from privatune.systems.dpfedavg.population import visits


def memorized(weights: Weights, canaries: CanarySettings, rounds: int, seed: int) -> list[dict[str, Any]]:
    """Return one row per canary: n_users, n_copies, canary, visits, rank, references, exposure, low, high, beam_found.

    `visits` says how often its carriers took part; a model knows nothing of a canary that no round saw. Exposure, low
    and high are in bits.

    Args:
        weights: the float32 weights of a model.
        canaries: the settings of the training.
        rounds: the number of rounds of the training; 0 if nobody carried the canaries.
        seed: the seed of the training, which determines the canaries planted in it.
    """
    rows = []
    planted = draw_canaries(len(weights["embedding"]), canaries.users, canaries.copies, canaries.per_cell, seed)
    for canary, seen in zip(planted, visits(planted, canaries.participation, rounds, seed).tolist(), strict=True):
        cell = {"n_users": canary.n_users, "n_copies": canary.n_copies, "canary": canary.number}
        found = sampled_exposure(weights, canary.words, canaries.references, (seed, *cell.values()))
        rows.append({**cell, "visits": seen, **found._asdict(), "beam_found": beam_found(weights, canary.words)})
    return rows
