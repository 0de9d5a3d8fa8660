"""Audit a mechanism: attack canaries in one run, and see what that shows about the epsilon that an accountant proves.

There are two results: a lower bound at a stated confidence (Steinke, Nasr and Jagielski 2023), and an estimated epsilon
(Andrew et al. 2023). The bound is valid for any attack. The estimate is only as good as the description of what the
attack sees by two Gaussians.
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
    """Return [canaries] fair bools: which of two persons holds each canary's place."""
    return stream(seed, "audit coins").integers(0, 2, canaries).astype(bool)


def signs(seed: int, canary: int, size: int, into: np.ndarray | None = None) -> np.ndarray:
    """Return [size] float32 fair signs, 1 or -1; divided by sqrt(size), they are the direction of a canary's update.

    A random corner of a cube serves as well as a random point on a sphere, because its inner product with any vector
    has the same mean and variance, and it needs one random bit per value. Speed matters here: all directions together
    do not fit into memory, so the attack draws every canary again in every round.

    Args:
        seed, canary: whose direction to draw.
        size: the number of parameters of the model.
        into: [ceil(size / 8), 8] float32 to overwrite; allocating new memory takes longer than the draw.
    """
    drawn = np.frombuffer(stream(seed, "audit direction", canary).bytes(-(-size // 8)), np.uint8)
    return np.take(_SIGNS_OF_BYTE, drawn, axis=0, out=into, mode="clip").ravel()[:size]


def log_ratios(projections: np.ndarray, noise: np.ndarray, mechanism: Mechanism) -> np.ndarray:
    """Attack each canary: return the log of how much likelier heads are than tails, the best test (Neyman, Pearson).

    With heads, a canary adds 1 to the projection of the sum in every round in which it takes part. With tails, it adds
    nothing where a person is zeroed out, and -1 where one is replaced.

    Args:
        projections: [canaries, rounds], the noisy sums projected on the canaries' directions, divided by the clip.
        noise: [rounds], their standard deviation as an attacker measures it. It is not taken from the mechanism, since
            the audit tests the mechanism's claim: if the true noise were lower, an attack that trusted the claim would
            miss it.
        mechanism: the mechanism, for its sampling. With another sampling the attack would be weaker, but the bound
            would still be valid.
    """
    q = mechanism.q

    def log_likelihood(moved: int) -> np.ndarray:  # divided by the likelihood of a canary that no round draws
        with np.errstate(divide="ignore"):
            absent = np.log1p(-q)
        return np.logaddexp(absent, math.log(q) + (moved * projections - 0.5) / noise**2).sum(axis=1)

    tails = log_likelihood(-1) if mechanism.sampling == "fixed" else 0.0
    return log_likelihood(1) - tails


def guess(ratios: np.ndarray, guesses: int) -> np.ndarray:
    """Return [canaries] int: 1 (heads) or -1 (tails) for the `guesses` surest canaries, and 0 (no guess) for the rest.

    The number of guesses is fixed before the coins are seen; choosing the best of several numbers would invalidate the
    95 % bound.
    """
    made = np.zeros(len(ratios), int)
    surest = np.argsort(-np.abs(ratios), kind="stable")[:guesses]
    made[surest] = np.where(ratios[surest] > 0, 1, -1)
    return made


def p_value(canaries: int, guesses: int, right: int, epsilon: float, delta: float) -> float:
    """Return the largest probability of `right` or more right guesses under (epsilon, delta)-DP.

    By corollary 5.4 of Steinke et al. (2023) this is
    P[W >= right] + 2 canaries delta max_i P[right > W >= right - i] / i,
    where W is binomial with `guesses` draws of probability e^epsilon / (1 + e^epsilon).
    """
    chance = expit(epsilon)
    tail = float(binom.sf(right - 1, guesses, chance))
    below = np.cumsum(binom.pmf(np.arange(right - 1, -1, -1), guesses, chance)) / np.arange(1, right + 1)
    return min(1.0, tail + 2 * canaries * delta * float(below.max(initial=0.0)))


def lower_bound(canaries: int, guesses: int, right: int, delta: float, confidence: float) -> float:
    """Return a lower bound on epsilon at `delta`, valid in a share `confidence` of audits; 0 where nothing is shown.

    A fair coin decided which of two persons held each canary's place; the two populations are adjacent.

    Args:
        canaries: m, how many coins were tossed.
        guesses: how many coins were guessed; it was fixed beforehand.
        right: how many guesses were right; if all are, the bound is the largest possible for this number of guesses.
        delta: the delta of the bound; if it is much larger than (1 - confidence) / canaries, nothing can be shown.
        confidence: the confidence of the bound.

    Raises:
        PrivatuneError: the counts are impossible.

    >>> round(lower_bound(27, 27, 27, delta=0, confidence=0.95), 1)
    2.1
    """
    if not 0 <= right <= guesses <= canaries:
        raise PrivatuneError(
            f"audit: {right} of {guesses} guesses about {canaries} canaries are impossible counts; take right <= "
            "guesses <= canaries"
        )

    def excess(epsilon: float) -> float:
        return p_value(canaries, guesses, right, epsilon, delta) - (1 - confidence)

    if excess(0.0) >= 0:
        return 0.0
    above = 1.0
    while excess(above) < 0:
        above *= 2
    return float(brentq(excess, 0.0, above))


def estimate(cosines: np.ndarray, size: int, mechanism: Mechanism) -> float:
    """Return the estimated epsilon at the mechanism's delta (one shot; Andrew et al. 2023, section 4). It is no bound.

    The cosine of a canary that took no part is N(0, 1 / size). The cosines of canaries that took part are fitted by a
    Gaussian. Where persons are replaced, that Gaussian is compared with its mirror image instead, which belongs to the
    same canary with the opposite sign.

    With few canaries the estimate is too high, since a fitted deviation that differs from 1 / sqrt(size) by chance also
    raises it. For a Gaussian mechanism whose epsilon is 4.38 at delta 1e-5, the estimated epsilon is 5.0 (standard
    deviation 0.6) with 500 canaries and 4.55 (0.15) with 5,000.

    Args:
        cosines: [n], the cosines of the sum over all rounds with the directions of the canaries that took part.
        size: the dimension of these vectors.
        mechanism: the mechanism that was audited.

    Raises:
        PrivatuneError: fewer than two canaries took part.
    """
    if len(cosines) < 2:
        raise PrivatuneError(
            f"dpfedavg.audit.canaries: too few canaries: the coins chose {len(cosines)} to send an update; raise it"
        )
    scaled = cosines * math.sqrt(size)
    there = Gaussian(float(scaled.mean()), float(scaled.std(ddof=1)))
    other = Gaussian(-there.mean, there.deviation) if mechanism.sampling == "fixed" else Gaussian(0.0, 1.0)
    return gaussian_epsilon(there, other, mechanism.delta)


def gaussian_epsilon(one: Gaussian, other: Gaussian, delta: float) -> float:
    """Return the least epsilon for which two Gaussians are (epsilon, delta)-indistinguishable in both directions.

    >>> round(gaussian_epsilon(Gaussian(0, 1), Gaussian(1, 1), 1e-5), 3)
    4.377
    """
    return max(_one_way(one, other, delta), _one_way(other, one, delta))


def _one_way(one: Gaussian, other: Gaussian, delta: float) -> float:
    def excess(epsilon: float) -> float:
        """Return P_one[L > epsilon] - e^epsilon P_other[L > epsilon] - delta; L is the log of the density ratio."""
        in_one, in_other = (_log_mass(x, *_where_likelier(one, other, epsilon)) for x in (one, other))
        return math.exp(in_one) - math.exp(min(epsilon + in_other, 0.0)) - delta

    if one == other or excess(0.0) <= 0:
        return 0.0
    above = 1.0
    while excess(above) > 0:
        above *= 2
    return float(brentq(excess, 0.0, above))


def _where_likelier(one: Gaussian, other: Gaussian, epsilon: float) -> tuple[float, float, bool]:
    """Return where L(x) - epsilon = a x^2 + b x + c is positive: between two points, or (last value) outside them."""
    a = (other.deviation**-2 - one.deviation**-2) / 2
    b = one.mean / one.deviation**2 - other.mean / other.deviation**2
    c = ((other.mean / other.deviation) ** 2 - (one.mean / one.deviation) ** 2) / 2
    c += math.log(other.deviation / one.deviation) - epsilon
    square = b * b - 4 * a * c
    if square <= 0:
        return 0.0, 0.0, a > 0 or (a == 0 and c > 0)
    # this form avoids cancellation; if a = 0, one of the points is infinite
    sum_of = -(b + math.copysign(math.sqrt(square), b)) / 2
    low, high = sorted((sum_of / a if a else math.copysign(math.inf, -b), c / sum_of))
    return low, high, a >= 0


def _log_mass(x: Gaussian, low: float, high: float, beyond: bool) -> float:
    """Return the log of the probability between two points, or outside them."""
    low, high = (low - x.mean) / x.deviation, (high - x.mean) / x.deviation
    if beyond:
        return float(np.logaddexp(log_ndtr(low), log_ndtr(-high)))
    if low > 0:  # use the tail in which small probabilities keep their digits
        low, high = -high, -low
    larger, smaller = float(log_ndtr(high)), float(log_ndtr(low))
    return larger + math.log1p(-math.exp(smaller - larger)) if smaller < larger else -math.inf
