"""Run DP-FedAvg: rounds that clip updates and add noise to their mean (Ramaswamy et al. 2020).

A round is divided into numbered shards. Each shard draws the cohort itself and takes its share, so that no file and no
job name reveals who takes part. Shards in one process and shards in separate jobs give the same bits.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from privatune.core.tensors import Arrays, load_tensors, save_tensors
from privatune.core.vectors import shapes_of
from privatune.federation.client import fine_tune
from privatune.federation.cohorts import carriers_drawn, fixed_cohort, poisson_cohort
from privatune.federation.optimisers import step
from privatune.federation.settings import ClientSettings, OptimiserSettings
from privatune.models.network import kind_of
from privatune.models.settings import NumericsSettings
from privatune.privacy.clipping import ClippedSum, clipped_sum
from privatune.privacy.mechanism import Mechanism, noisy_mean
from privatune.text.streams import Stream

DRAWS = {"poisson": poisson_cohort, "fixed": fixed_cohort}

# gives the update of a person: from the weights that the server sends, the round (counted from 1) and the person
Contribution = Callable[[Arrays, int, int], Arrays]


class State(NamedTuple):
    """What a round starts from; it is public, as it follows from noisy means."""

    weights: Arrays  # float32
    memory: Arrays  # the memory of the server's optimiser; {} before the first round
    clip: float


def fine_tuning(
    population: Stream, general: np.ndarray, client: ClientSettings, numerics: NumericsSettings, seed: int
) -> Contribution:
    """Return the contribution of persons who fine-tune on their text.

    Args:
        population: one unit per person who may be drawn.
        general: word ids of general text, for objectives that read it.
        client, numerics: the settings of a client, and how to compute.
        seed: the seed of the devices' draws.
    """

    def contribution(weights: Arrays, number: int, person: int) -> Arrays:
        key = (seed, number, person)
        return fine_tune(weights, np.asarray(population.unit(person)), general, client, numerics, key).update

    return contribution


def drawn(mechanism: Mechanism, number: int, secret: int, seed: int) -> list[int]:
    """Return the cohort of a round, which is private where privacy is claimed, and its carriers, numbered after it."""
    persons = DRAWS[mechanism.sampling](mechanism.population, mechanism.cohort, number, secret)
    came = carriers_drawn(mechanism.carriers, mechanism.participation, number, seed)
    return persons + [mechanism.population + carrier for carrier in came]


def run_shard(
    state: State,
    contribution: Contribution,
    mechanism: Mechanism,
    number: int,
    secret: int,
    seed: int,
    shard: int = 0,
    shards: int = 1,
) -> ClippedSum:
    """Sum the clipped updates of every `shards`-th person of a round's cohort, starting at place `shard`.

    Args:
        state: what the round starts from.
        contribution: gives the update of a person of the mechanism's population.
        mechanism: the mechanism.
        number: the number of the round, counted from 1.
        secret: the seed of cohorts and noise; it comes from the operating system where privacy is claimed.
        seed: the public seed of the carriers' draws.
        shard, shards: which part of the cohort to sum, and how many parts there are.
    """
    persons = drawn(mechanism, number, secret, seed)[shard::shards]
    updates = (contribution(state.weights, number, person) for person in persons)
    return clipped_sum(updates, shapes_of(state.weights), state.clip, mechanism.spacing(state.clip))


def close_round(
    state: State,
    sums: Iterable[ClippedSum],
    mechanism: Mechanism,
    optimiser: OptimiserSettings,
    number: int,
    secret: int,
    seed: int,
) -> State:
    """Add noise to the sums of all shards, and apply the mean with the server's optimiser.

    The arguments are those of `run_shard`, and errors are those of `noisy_mean`.
    """
    release = noisy_mean(mechanism, sums, drawn(mechanism, number, secret, seed), state.clip, (secret, number))
    change, memory = step(release.mean, state.memory, optimiser)
    weights = {name: (weight + change[name]).astype(np.float32) for name, weight in state.weights.items()}
    return State(weights, memory, release.next_clip)


def train_with_dp(
    state: State, contribution: Contribution, mechanism: Mechanism, optimiser: OptimiserSettings, secret: int, seed: int
) -> State:
    """Train for all of the mechanism's rounds; epsilon covers the returned state and every state before it.

    Neither the names of participants nor any figure of a client leaves this function.

    Args:
        state: what the first round starts from.
        contribution, mechanism, secret, seed: as in `run_shard`.
        optimiser: the settings of the server's optimiser.
    """
    for number in range(1, mechanism.rounds + 1):
        total = run_shard(state, contribution, mechanism, number, secret, seed)
        state = close_round(state, [total], mechanism, optimiser, number, secret, seed)
    return state


def first_state(model: str | Path, mechanism: Mechanism) -> State:
    """Return what the first round starts from: a model on disk and the mechanism's clip."""
    return State(load_tensors(model)[0], {}, mechanism.clip)


def save_model(path: str | Path, weights: Arrays) -> None:
    """Write a trained model in the same form as every kept model."""
    save_tensors(path, weights, header_of(weights))


def header_of(weights: Arrays) -> dict[str, Any]:
    """Return what the header of a model's file says."""
    return {"model": {"kind": kind_of(weights)}}


def save_sum(path: str | Path, part: ClippedSum) -> None:
    """Write a shard's sum so that only the file's owner can read it."""
    save_tensors(path, part.sum, dict(zip(ClippedSum._fields[1:], part[1:], strict=True)), private=True)


def load_sum(path: str | Path) -> ClippedSum:
    """Read what `save_sum` wrote."""
    tensors, about = load_tensors(path)
    return ClippedSum(tensors, **about)


def save_state(path: str | Path, state: State) -> None:
    """Write a state, which is public."""
    parts = {"weights": state.weights, "memory": state.memory}
    named = {f"{part}/{name}": array for part, arrays in parts.items() for name, array in arrays.items()}
    save_tensors(path, named, {"clip": state.clip})


def load_state(path: str | Path) -> State:
    """Read what `save_state` wrote."""
    tensors, about = load_tensors(path)
    weights, memory = (
        {name.removeprefix(f"{part}/"): array for name, array in tensors.items() if name.startswith(f"{part}/")}
        for part in ("weights", "memory")
    )
    return State(weights, memory, about["clip"])
