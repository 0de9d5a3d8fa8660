"""Audit DP-FedAvg: its persons are canaries, and an attacker looks for them in what the rounds release.

No real person takes part. Real updates would not hide the canaries, because their projection on a random direction in
so high a dimension is far smaller than the noise, and the result of the audit would be a further release of their data.
"""

import math
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from privatune.attacks.audit import coins, estimate, guess, log_ratios, lower_bound, signs
from privatune.attacks.settings import AuditSettings
from privatune.core.tensors import Arrays
from privatune.core.vectors import flat, shaped, shapes_of, size_of
from privatune.federation.settings import SgdSettings
from privatune.privacy.accounting import guarantee
from privatune.privacy.composition import Accountant
from privatune.privacy.mechanism import Mechanism
from privatune.systems.dpfedavg.rounds import Contribution, State, close_round, run_shard

# the length of a canary's update, in clips: an attacker may send anything, and only clipping bounds it
LENGTH = 1000.0


class Observed(NamedTuple):
    """What the attacker sees.

    Attributes:
        projections: [canaries, rounds], the noisy sums projected on the canaries' directions, divided by the clip.
        noise: [rounds], the standard deviation of a sum's projection on a direction that is not in it.
        cosines: [canaries], the cosines between these directions and what all rounds together added to the model.
    """

    projections: np.ndarray
    noise: np.ndarray
    cosines: np.ndarray


def audited(mechanism: Mechanism, canaries: int) -> Mechanism:
    """Return the mechanism with canaries as persons: same noise, clip and rounds, and the next q that cohorts allow.

    Delta is at most the mechanism's own. The bound must allow for delta in every canary, so a total of more than a
    hundredth would leave little to show.
    """
    cohort = -(-canaries * mechanism.cohort // mechanism.population)
    least = min(mechanism.delta, 0.01 / canaries)
    return replace(mechanism, population=canaries, cohort=cohort, delta=least, carriers=0)


def canary_updates(state: State, heads: np.ndarray, mechanism: Mechanism, seed: int) -> Contribution:
    """Return the contributions of canaries; a coin decides who holds each place.

    Heads is a canary. Tails is nobody or, if the adjacency is the replacement of a person, a canary that sends the
    opposite update. In both cases the two are as far apart as the mechanism's sensitivity allows.
    """
    like = shapes_of(state.weights)
    size = size_of(like)
    length = np.float32(LENGTH * mechanism.clip / math.sqrt(size))

    def contribution(weights: Arrays, number: int, person: int) -> Arrays:
        if heads[person]:
            return shaped(length * signs(seed, person, size), like)
        if mechanism.sampling == "fixed":
            return shaped(-length * signs(seed, person, size), like)
        # an update that is not finite is left out of sum and count, as if nobody were there
        return shaped(np.full(size, np.nan, np.float32), like)

    return contribution


def observe(state: State, heads: np.ndarray, mechanism: Mechanism, seed: int) -> Observed:
    """Run the mechanism's rounds on canaries, and record how each round changes the model.

    The server takes plain SGD steps of rate 1, so the model moves by the noisy mean itself. The steps of any other
    optimiser follow from these means.

    Args:
        state: what the first round starts from.
        heads: [canaries], the result of `attacks.audit.coins`.
        mechanism: the mechanism, whose persons are the canaries.
        seed: the seed of directions, cohorts and noise; it is public, as nobody's data are used.
    """
    contribution, size = canary_updates(state, heads, mechanism, seed), size_of(shapes_of(state.weights))
    seen, lengths, clips = np.zeros((len(heads), mechanism.rounds)), [], []
    whole, room = np.zeros(size), np.empty((-(-size // 8), 8), np.float32)
    for number in range(1, mechanism.rounds + 1):
        total = run_shard(state, contribution, mechanism, number, seed, seed)
        after = close_round(state, [total], mechanism, SgdSettings(), number, seed, seed)
        moved = flat(after.weights) - flat(state.weights)
        # do not use BLAS, whose sums depend on its number of threads
        seen[:, number - 1] = [np.einsum("i,i", moved, signs(seed, n, size, room)) for n in range(len(heads))]
        whole += moved
        lengths.append(_norm(moved))
        clips.append(state.clip)
        state = after
    seen /= math.sqrt(size)
    in_clips = mechanism.cohort / np.array(clips)  # turns a mean into a sum, divided by the clip
    return Observed(seen * in_clips, np.array(lengths) / math.sqrt(size) * in_clips, seen.sum(axis=1) / _norm(whole))


def _norm(vector: np.ndarray) -> float:
    return math.sqrt(np.square(vector, dtype=np.float64).sum())


def audit(
    state: State, mechanism: Mechanism, accountant: Accountant, settings: AuditSettings, seed: int
) -> dict[str, Any]:
    """Run a mechanism on canaries, attack it, and derive a lower bound on its epsilon at a delta.

    Args:
        state: what training starts from.
        mechanism: the mechanism of the training, with noise; what is audited is `audited(mechanism)`.
        accountant: the accountant of the epsilon that the bound is compared with.
        settings: the settings of the audit.
        seed: the seed, as in `observe`.

    Returns:
        guarantee (of what was audited), the settings, right (the number of right guesses), epsilon_lower,
        epsilon_largest (the bound if all guesses were right) and epsilon_estimate (an estimated epsilon, not a bound).
    """
    on_canaries, heads = audited(mechanism, settings.canaries), coins(seed, settings.canaries)
    seen = observe(state, heads, on_canaries, seed)
    made = guess(log_ratios(seen.projections, seen.noise, on_canaries), settings.guesses)
    held = np.where(heads, 1, -1)
    right = int((made == held).sum())
    there = seen.cosines * held if mechanism.sampling == "fixed" else seen.cosines[heads]

    def bound(right: int) -> float:
        return lower_bound(settings.canaries, settings.guesses, right, on_canaries.delta, settings.confidence)

    return settings.model_dump() | {
        "guarantee": guarantee(on_canaries, accountant).record(),
        "right": right,
        "epsilon_lower": bound(right),
        "epsilon_largest": bound(settings.guesses),
        "epsilon_estimate": estimate(there, size_of(shapes_of(state.weights)), on_canaries),
    }
