"""An audit of DP-FedAvg: canaries are its persons, and an attacker looks for them in what its rounds release.

No real person takes part. They would hide nothing (on a random direction among as many as a model has values, an
update is nothing beside the noise), while what an audit tells would be one more release of their data.
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
from privatune.privacy.accounting import Accountant, guarantee
from privatune.privacy.mechanism import Mechanism
from privatune.systems.dpfedavg.rounds import Contribution, State, close_round, run_slot

# of a canary's update, in clips: an attacker sends what they like, and nothing but clipping bounds it
LENGTH = 1000.0


class Observed(NamedTuple):
    """What the attacker sees.

    Attributes:
        projections: [canaries, rounds], of the rounds' noisy sums on the canaries' directions, over the clip.
        noise: [rounds], standard deviation of such a sum's projection on a direction that is not in it.
        cosines: [canaries], of what all rounds together added to the model with these directions.
    """

    projections: np.ndarray
    noise: np.ndarray
    cosines: np.ndarray


def audited(mechanism: Mechanism, canaries: int) -> Mechanism:
    """The mechanism with canaries for persons: of the same noise, clip and rounds; q as near above as cohorts allow.

    Delta is the mechanism's, or lower: the bound has to allow for delta in every canary, and with more than a
    hundredth for all of them little would be left to show.
    """
    cohort = -(-canaries * mechanism.cohort // mechanism.population)
    least = min(mechanism.delta, 0.01 / canaries)
    return replace(mechanism, population=canaries, cohort=cohort, delta=least, carriers=0)


def canary_updates(state: State, heads: np.ndarray, mechanism: Mechanism, seed: int) -> Contribution:
    """Contributions of persons each of whose places is held by either of two, as a coin fell.

    Heads: a canary. Tails: nobody, or, where the sampling's adjacency is the replacement of a person, a canary that
    sends the opposite. Either pair is as far apart as the mechanism's sensitivity lets two persons be.
    """
    like = shapes_of(state.weights)
    size = size_of(like)
    length = np.float32(LENGTH * mechanism.clip / math.sqrt(size))

    def contribution(weights: Arrays, number: int, person: int) -> Arrays:
        if heads[person]:
            return shaped(length * signs(seed, person, size), like)
        if mechanism.sampling == "fixed":
            return shaped(-length * signs(seed, person, size), like)
        # what is not finite is left out of sum and count, as if nobody were there
        return shaped(np.full(size, np.nan, np.float32), like)

    return contribution


def observe(state: State, heads: np.ndarray, mechanism: Mechanism, seed: int) -> Observed:
    """Run the mechanism's rounds on canaries, and see what each round does to the model.

    The server takes plain steps of rate 1, so that the model moves by the noisy mean itself, of which any other
    optimiser's steps are made.

    Args:
        state: what the first round starts from.
        heads: [canaries], as `privacy.audit.coins` gives them.
        mechanism: whose persons the canaries are.
        seed: of directions, cohorts and noise; public, as nobody's data are in it.
    """
    contribution, size = canary_updates(state, heads, mechanism, seed), size_of(shapes_of(state.weights))
    seen, lengths, clips = np.zeros((len(heads), mechanism.rounds)), [], []
    whole, room = np.zeros(size), np.empty((-(-size // 8), 8), np.float32)
    for number in range(1, mechanism.rounds + 1):
        total = run_slot(state, contribution, mechanism, number, seed, seed)
        after = close_round(state, [total], mechanism, SgdSettings(), number, seed, seed)
        moved = flat(after.weights) - flat(state.weights)
        # not by BLAS, whose sums depend on how many threads it has
        seen[:, number - 1] = [np.einsum("i,i", moved, signs(seed, n, size, room)) for n in range(len(heads))]
        whole += moved
        lengths.append(_norm(moved))
        clips.append(state.clip)
        state = after
    seen /= math.sqrt(size)
    in_clips = mechanism.cohort / np.array(clips)  # of a sum, which the mean is a share of
    return Observed(seen * in_clips, np.array(lengths) / math.sqrt(size) * in_clips, seen.sum(axis=1) / _norm(whole))


def _norm(vector: np.ndarray) -> float:
    return math.sqrt(np.square(vector, dtype=np.float64).sum())


def audit(
    state: State, mechanism: Mechanism, accountant: Accountant, settings: AuditSettings, seed: int
) -> dict[str, Any]:
    """Run a mechanism on canaries and bound its epsilon from below, at a delta, by what an attack finds.

    Args:
        state: what training starts from.
        mechanism: of the training, with noise; audited is what `audited` makes of it.
        accountant: of the epsilon that the bound stands beside.
        settings: see there.
        seed: see `observe`.

    Returns:
        guarantee (of what was audited), the settings, right (guesses that were), epsilon_lower, epsilon_largest (which
        so many guesses allow, all of them right) and epsilon_estimate (no bound).
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
