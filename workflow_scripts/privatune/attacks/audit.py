"""Audits: what an attack on canaries shows of epsilon, from one run, beside what an accountant proves.

A lower bound with a confidence (Steinke, Nasr and Jagielski 2023), and an estimate (Andrew et al. 2023). The bound
holds whatever the attack; the estimate only as far as two Gaussians describe what the attack sees.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, log_ndtr
from scipy.stats import binom

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.privacy.mechanism import Mechanism

_SIGNS_OF_BYTE = 2 * np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1).astype(np.float32) - 1


class Gaussian(NamedTuple):
    """A normal distribution."""

    mean: float
    deviation: float


def coins(seed: int, canaries: int) -> np.ndarray:
    """[canaries] bool, fair: by which of two persons each canary's place is held."""
    return stream(seed, "audit coins").integers(0, 2, canaries).astype(bool)


def signs(seed: int, canary: int, size: int, into: np.ndarray | None = None) -> np.ndarray:
    """[size] float32 of 1 and -1, by fair coins: over sqrt(size), the direction of a canary's update.

    A random corner of a cube serves as a random point of the sphere does (its inner product with any vector has the
    same mean and variance), at one bit a value. That matters, as an attack draws every canary again in every round:
    all of them together fit into no memory.

    Args:
        seed, canary: whose direction.
        size: of the model.
        into: [ceil(size / 8), 8] float32 to overwrite; to ask for fresh memory takes longer than the draw.
    """
    drawn = np.frombuffer(stream(seed, "audit direction", canary).bytes(-(-size // 8)), np.uint8)
    return np.take(_SIGNS_OF_BYTE, drawn, axis=0, out=into, mode="clip").ravel()[:size]


def log_ratios(projections: np.ndarray, noise: np.ndarray, mechanism: Mechanism) -> np.ndarray:
    """The attack: for each canary the log of how much likelier heads are than tails, by Neyman and Pearson the best.

    With heads a canary adds 1 to the projection of every round's sum that it has a part in; with tails it adds nothing
    where a person is zeroed out, and -1 where one is replaced.

    Args:
        projections: [canaries, rounds], of the noisy sums on the canaries' directions, over the clip.
        noise: [rounds], their standard deviation, as an attacker measures it. It is not taken from the mechanism,
            whose claim is what is audited: where the noise is less, an attack that believed in it would miss that.
        mechanism: whose sampling it is. Were it another, the attack would be a worse one, but the bound no less true.
    """
    q = mechanism.q

    def log_likelihood(moved: int) -> np.ndarray:  # over that of a canary which no round draws
        with np.errstate(divide="ignore"):
            absent = np.log1p(-q)
        return np.logaddexp(absent, math.log(q) + (moved * projections - 0.5) / noise**2).sum(axis=1)

    tails = log_likelihood(-1) if mechanism.sampling == "fixed" else 0.0
    return log_likelihood(1) - tails


def guess(ratios: np.ndarray, guesses: int) -> np.ndarray:
    """[canaries] int: 1 (heads) or -1 (tails) for those `guesses` of which the attack is surest, 0 (none) for others.

    How many is fixed before the coins are seen: the best of several numbers would be no 95 % bound.
    """
    made = np.zeros(len(ratios), int)
    surest = np.argsort(-np.abs(ratios), kind="stable")[:guesses]
    made[surest] = np.where(ratios[surest] > 0, 1, -1)
    return made


def p_value(canaries: int, guesses: int, right: int, epsilon: float, delta: float) -> float:
    """Largest probability of so many right guesses under (epsilon, delta)-DP (Steinke et al. 2023, corollary 5.4).

    With W binomial, `guesses` draws of probability e^epsilon / (1 + e^epsilon):
    P[W >= right] + 2 canaries delta max_i P[right > W >= right - i] / i.
    """
    chance = expit(epsilon)
    tail = float(binom.sf(right - 1, guesses, chance))
    below = np.cumsum(binom.pmf(np.arange(right - 1, -1, -1), guesses, chance)) / np.arange(1, right + 1)
    return min(1.0, tail + 2 * canaries * delta * float(below.max(initial=0.0)))


def lower_bound(canaries: int, guesses: int, right: int, delta: float, confidence: float) -> float:
    """Epsilon at `delta` that the mechanism exceeds, but for a share 1 - `confidence` of audits; 0 where none is shown.

    Each canary's place was held by either of two persons, by a fair coin of its own; the two populations are adjacent.

    Args:
        canaries: m, coins tossed.
        guesses: how many of them were guessed, fixed before.
        right: right guesses; with all of them right the bound is the largest that so many allow.
        delta: at which epsilon is bounded; much above (1 - confidence) / canaries nothing can be shown.
        confidence: of the bound.

    Raises:
        PrivatuneError: the counts cannot be.

    >>> round(lower_bound(27, 27, 27, delta=0, confidence=0.95), 1)
    2.1
    """
    if not 0 <= right <= guesses <= canaries:
        raise PrivatuneError(f"audit: {right} right of {guesses} guesses about {canaries} canaries cannot be")

    def excess(epsilon: float) -> float:
        return p_value(canaries, guesses, right, epsilon, delta) - (1 - confidence)

    if excess(0.0) >= 0:
        return 0.0
    above = 1.0
    while excess(above) < 0:
        above *= 2
    return float(brentq(excess, 0.0, above))


def estimate(cosines: np.ndarray, size: int, mechanism: Mechanism) -> float:
    """The one-shot estimate of epsilon at the mechanism's delta (Andrew et al. 2023, section 4); no bound.

    A cosine of a canary that took no part is N(0, 1 / size); those of canaries that did are taken for a Gaussian too.
    Where persons are replaced, its mirror image stands in for the former: the same canary with the other sign.

    From few canaries it comes out high, as a deviation that differs from the null's by chance costs epsilon too: of
    one Gaussian mechanism with 4.38 at delta 1e-5 it makes 5.0 (standard deviation 0.6) from 500, 4.55 (0.15) from
    5,000.

    Args:
        cosines: [n], of what all rounds added up to with the directions of canaries that were there.
        size: dimension of these vectors.
        mechanism: that was audited.

    Raises:
        PrivatuneError: fewer than two canaries were there.
    """
    if len(cosines) < 2:
        raise PrivatuneError(f"dpfedavg.audit.canaries: by their coins {len(cosines)} were there; take more")
    scaled = cosines * math.sqrt(size)
    there = Gaussian(float(scaled.mean()), float(scaled.std(ddof=1)))
    other = Gaussian(-there.mean, there.deviation) if mechanism.sampling == "fixed" else Gaussian(0.0, 1.0)
    return gaussian_epsilon(there, other, mechanism.delta)


def gaussian_epsilon(one: Gaussian, other: Gaussian, delta: float) -> float:
    """The least epsilon of which two Gaussians are (epsilon, delta)-indistinguishable, in either direction.

    >>> round(gaussian_epsilon(Gaussian(0, 1), Gaussian(1, 1), 1e-5), 3)
    4.377
    """
    return max(_one_way(one, other, delta), _one_way(other, one, delta))


def _one_way(one: Gaussian, other: Gaussian, delta: float) -> float:
    def excess(epsilon: float) -> float:
        """P_one[L > epsilon] - e^epsilon P_other[L > epsilon] - delta, L the log of the densities' ratio."""
        in_one, in_other = (_log_mass(x, *_where_likelier(one, other, epsilon)) for x in (one, other))
        return math.exp(in_one) - math.exp(min(epsilon + in_other, 0.0)) - delta

    if one == other or excess(0.0) <= 0:
        return 0.0
    above = 1.0
    while excess(above) > 0:
        above *= 2
    return float(brentq(excess, 0.0, above))


def _where_likelier(one: Gaussian, other: Gaussian, epsilon: float) -> tuple[float, float, bool]:
    """Where L(x) = a x^2 + b x + c > 0, c less epsilon: between two points, or beyond them (the last value)."""
    a = (other.deviation**-2 - one.deviation**-2) / 2
    b = one.mean / one.deviation**2 - other.mean / other.deviation**2
    c = ((other.mean / other.deviation) ** 2 - (one.mean / one.deviation) ** 2) / 2
    c += math.log(other.deviation / one.deviation) - epsilon
    square = b * b - 4 * a * c
    if square <= 0:
        return 0.0, 0.0, a > 0 or (a == 0 and c > 0)
    # the form that does not cancel; with a = 0 one of the points is infinite
    sum_of = -(b + math.copysign(math.sqrt(square), b)) / 2
    low, high = sorted((sum_of / a if a else math.copysign(math.inf, -b), c / sum_of))
    return low, high, a >= 0


def _log_mass(x: Gaussian, low: float, high: float, beyond: bool) -> float:
    """Log of the probability between two points, or beyond them."""
    low, high = (low - x.mean) / x.deviation, (high - x.mean) / x.deviation
    if beyond:
        return float(np.logaddexp(log_ndtr(low), log_ndtr(-high)))
    if low > 0:  # the tail in which small probabilities keep their digits
        low, high = -high, -low
    larger, smaller = float(log_ndtr(high)), float(log_ndtr(low))
    return larger + math.log1p(-math.exp(smaller - larger)) if smaller < larger else -math.inf
