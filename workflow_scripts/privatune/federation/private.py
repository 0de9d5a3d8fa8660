"""DP-FedAvg: rounds whose updates are clipped and whose mean is noised (Ramaswamy et al. 2020)."""

from collections.abc import Sequence

import numpy as np

from privatune.compression.vectors import shapes_of
from privatune.core.tensors import Arrays, pack
from privatune.federation.client import fine_tune
from privatune.federation.cohorts import fixed_cohort, poisson_cohort
from privatune.federation.optimisers import step
from privatune.federation.settings import ClientSettings, OptimiserSettings
from privatune.models.settings import NumericsSettings
from privatune.privacy.mechanism import Mechanism, noisy_mean
from privatune.text.streams import Stream

DRAWS = {"poisson": poisson_cohort, "fixed": fixed_cohort}


def train_privately(
    model: Arrays,
    population: Stream,
    general: np.ndarray,
    mechanism: Mechanism,
    client: ClientSettings,
    optimiser: OptimiserSettings,
    numerics: NumericsSettings,
    seed: int,
    secret: int,
) -> Arrays:
    """Train for the mechanism's rounds; what it returns, and every round's model, is what the epsilon is about.

    Neither who took part nor any figure of a client leaves this function.

    Args:
        model: float32 weights that training starts from.
        population: one unit a person who may be drawn.
        general: word ids of general text, for objectives that read it.
        mechanism: see there; its population must be this one.
        client, optimiser, numerics: see there.
        seed: of what devices draw.
        secret: of cohorts and noise; from the operating system where privacy is claimed.
    """
    like, weights, clip = shapes_of(model), dict(model), mechanism.clip
    memory: Arrays = {}
    for number in range(1, mechanism.rounds + 1):
        persons = DRAWS[mechanism.sampling](mechanism.population, mechanism.cohort, number, secret)
        sent = pack(weights)
        updates = (
            fine_tune(sent, np.asarray(population.unit(p)), general, client, numerics, (seed, number, p)).update
            for p in persons
        )
        release = noisy_mean(mechanism, updates, persons, like, clip, (secret, number))
        clip = release.next_clip
        change, memory = step(release.mean, memory, optimiser)
        weights = {name: (weight + change[name]).astype(np.float32) for name, weight in weights.items()}
    return weights


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
