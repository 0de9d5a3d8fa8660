"""The mechanism of DP-FedAvg turns the clipped updates of a round into one noisy mean.

It follows Ramaswamy et al. (2020), with the adaptive clipping of Andrew et al. (2021). A `Mechanism` ties sampling,
clip and noise together; privacy/accounting.py computes its epsilon.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any, Literal, NamedTuple, get_args

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import Arrays
from privatune.core.vectors import shaped, shapes_of, size_of
from privatune.privacy.clipping import ClippedSum, joined_sum, unit_of
from privatune.privacy.noise import discrete_gaussian
from privatune.privacy.settings import LEAST_MULTIPLIER, AdaptiveClipSettings

Sampling = Literal["poisson", "fixed"]
Adjacency = Literal["zero out one", "replace one"]
# The adjacency of each sampling, unless a mechanism states another. Poisson cohorts are compared under zero-out: a
# person's text is replaced by an empty one, and the person stays in the population, whose size N is public. Adding or
# removing a person is a different adjacency: since q = M / N, one person more changes everybody's q, which costs up to
# four times as much (tests/privacy/test_accounting.py).
ADJACENCIES: dict[Sampling, Adjacency] = {"poisson": "zero out one", "fixed": "replace one"}
# Whose text an epsilon protects: all text of one person, or one example, such as a labelled sentence. The population
# counts these.
Unit = Literal["user", "example"]
COUNTED: dict[Unit, str] = {"user": "persons", "example": "examples"}
# What the noise is added to: a vector with as many values as the model has, or one number (in training by forward
# passes, one number per direction).
Noised = Literal["vector", "scalar"]

COUNT_UNIT = 2.0**-32  # the noise on the count of updates within the clip is a whole multiple of this


@dataclass(frozen=True)
class Mechanism:
    """The public parameters of training under differential privacy, and all that its epsilon depends on.

    The noise on the sum of the clipped updates has standard deviation z S, and that on the mean has z S / M, for either
    sampling. The epsilon that this gives depends on the adjacency. Zeroing out a person's text moves the sum by at most
    S. Replacing it, the only adjacency that suits cohorts of a fixed size, moves the sum by at most 2 S. For these,
    accountants therefore get z / 2. If the unit is an example, read "example" for "person". The norm of a scalar is its
    magnitude, so its epsilon is that of a vector with the same z.

    Attributes:
        sampling: with poisson, each person takes part in a round independently with probability q; with fixed, each
            round draws `cohort` persons uniformly without replacement, independently of other rounds.
        population: N, how many persons may be drawn; it is public, as q is.
        cohort: M, how many persons take part in a round; under Poisson sampling, the expected number.
        rounds: T, the number of rounds.
        noise_multiplier: z, the standard deviation of the noise on the sum, divided by the clip.
        clip: S, the largest L2 norm of a person's update; with `adaptive`, that of the first round.
        delta: the probability with which the loss may exceed epsilon.
        adaptive: how the clip changes between rounds; z covers the noisy count and the noisy sum together.
        carriers: how many synthetic persons, who carry canaries, are added to the population. They depend neither on
            any person's text nor on who is drawn, so they do not change epsilon.
        participation: the probability with which each carrier independently takes part in a round.
        unit: whose text is protected, and what `population` and `cohort` count.
        noised: whether updates are vectors or single numbers.
        adjacency: which two populations are compared; null stands for that of the sampling, in `ADJACENCIES`. With
            Poisson sampling, "replace one" can be asked for: it protects more, so its epsilon is larger.

    Raises:
        PrivatuneError: a value supports no privacy claim.
    """

    sampling: Sampling
    population: int
    cohort: int
    rounds: int
    noise_multiplier: float
    clip: float
    delta: float
    adaptive: AdaptiveClipSettings | None = None
    carriers: int = 0
    participation: float = 0.0
    unit: Unit = "user"
    noised: Noised = "vector"
    adjacency: Adjacency | None = None

    def __post_init__(self) -> None:
        if self.unit not in COUNTED or self.noised not in get_args(Noised):
            raise PrivatuneError(
                f"mechanism: there is no epsilon for unit {self.unit} and a noised {self.noised}; take user or "
                "example, and vector or scalar"
            )
        counted = COUNTED[self.unit]
        if self.sampling not in ADJACENCIES:
            raise PrivatuneError(f"privacy.sampling: {self.sampling} has no accountant; take poisson or fixed")
        if self.adjacency not in (None, "replace one", ADJACENCIES[self.sampling]):
            raise PrivatuneError(
                f"mechanism: {self.sampling} sampling has no epsilon under {self.adjacency}; take replace one"
            )
        if not 1 <= self.cohort <= self.population:
            raise PrivatuneError(
                f"cohort: {self.cohort} {counted} per round cannot be drawn from {self.population}; take 1 to "
                f"{self.population}"
            )
        if self.rounds < 1:
            raise PrivatuneError(f"rounds: {self.rounds} rounds are too few; take 1 or more")
        if not (math.isfinite(self.clip) and self.clip > 0):
            raise PrivatuneError(f"privacy.clip: {self.clip} cannot serve as a bound; take a finite number above 0")
        if not (math.isfinite(self.noise_multiplier) and self.noise_multiplier >= 0):
            raise PrivatuneError(
                f"privacy.noise_multiplier: {self.noise_multiplier} cannot scale the noise; take a finite "
                "number of at least 0"
            )
        if 0 < self.noise_multiplier < LEAST_MULTIPLIER:
            raise PrivatuneError(
                f"privacy.noise_multiplier: {self.noise_multiplier:g} is next to no noise; take 0, for which no "
                f"epsilon is stated, or at least {LEAST_MULTIPLIER:g}"
            )
        if self.carriers < 0 or not 0 <= self.participation <= 1:
            raise PrivatuneError(
                f"canaries: {self.carriers} carriers, each in a round with probability {self.participation}; take 0 or "
                "more carriers and a probability from 0 to 1"
            )
        if not 0 < self.delta * self.population < 1:
            raise PrivatuneError(
                f"privacy.delta: {self.delta:g} is not between 0 and 1 / {self.population} {counted}; with a larger "
                "delta, publishing one of them outright would count as private; change it"
            )

    @property
    def q(self) -> float:
        """The share of the population that takes part in a round: exact (fixed), or each person's probability."""
        return self.cohort / self.population

    @property
    def everyone(self) -> int:
        """The number of persons and carriers, who are all that may send an update."""
        return self.population + self.carriers

    @property
    def expected(self) -> float:
        """The expected number of updates in a round, from persons and carriers; it is public and divides the sum."""
        return self.cohort + self.carriers * self.participation

    @property
    def compared(self) -> Adjacency:
        """The adjacency: which two populations an epsilon compares."""
        return self.adjacency or ADJACENCIES[self.sampling]

    @property
    def sensitivity(self) -> float:
        """The largest L2 distance by which one person moves the sum of clipped updates, under this adjacency."""
        return 2 * self.clip if self.compared == "replace one" else self.clip

    @property
    def noise_of_sum(self) -> float:
        """The standard deviation of the noise on the sum, divided by the clip: z, or more if a count is released."""
        share = self.adaptive.budget_share if self.adaptive else 0.0
        return self.noise_multiplier / math.sqrt(1 - share)

    @property
    def noise_of_count(self) -> float:
        """The standard deviation of the noise on the count of updates within the clip; 0 if nothing is counted.

        Each update counts 1/2 or -1/2, so zeroing out a person's text moves the count by 1/2, and replacing it moves
        the count by 1. If 1/z^2 = 1/z_sum^2 + 1/(2 z_count)^2, both releases together cost as much as one with z
        (Andrew et al. 2021, theorem 1), under either adjacency.
        """
        return self.noise_multiplier / (2 * math.sqrt(self.adaptive.budget_share)) if self.adaptive else 0.0

    def spacing(self, clip: float) -> float:
        """Return the unit of a round's sums, in which everyone's clipped updates and 64 deviations of noise fit."""
        return unit_of(clip, self.everyone + 64 * self.noise_of_sum)


def mechanism_from(record: Mapping[str, Any]) -> Mechanism:
    """Return the mechanism that `mechanism_record` wrote as `record`; errors are those of `Mechanism`."""
    adaptive = record["adaptive"]
    return Mechanism(**{**record, "adaptive": AdaptiveClipSettings(**adaptive) if adaptive else None})


def mechanism_record(mechanism: Mechanism) -> dict[str, Any]:
    """Return a mechanism as plain values."""
    return asdict(replace(mechanism, adaptive=None)) | {
        "adaptive": mechanism.adaptive.model_dump() if mechanism.adaptive else None
    }


class Release(NamedTuple):
    """The result of a round: `mean` (float64, by name) and `next_clip` are public; `refused` stays on the server."""

    mean: Arrays
    next_clip: float
    refused: int


def noisy_mean(
    mechanism: Mechanism, sums: Iterable[ClippedSum], persons: Sequence[int], clip: float, key: tuple[int, int]
) -> Release:
    """Return (sum of clipped updates + noise of deviation z S) / M in float64; every person has weight one.

    Args:
        mechanism: the mechanism. M is the expected number of updates, even if fewer or more arrive.
        sums: the sums of the cohort's parts, in any order; together they hold each person once.
        persons: the cohort, as federation.cohorts draws it for this sampling, and the carriers who took part; their
            numbers follow those of the population.
        clip: S in this round: the mechanism's own, or the clip that the previous round released.
        key: the key of the noise, (seed, round counted from 1); the seed is secret where privacy is claimed.

    Raises:
        PrivatuneError: something would void the claim: a person is twice in the cohort, a fixed-size cohort has another
            size, there are more or fewer updates than persons, the sums have another clip, or the round or the clip is
            not accounted for.
    """
    seed, round_number = key
    _refuse_what_is_not_accounted_for(mechanism, persons, clip, round_number)
    whole = joined_sum(sums)
    if whole.persons != len(persons):
        raise PrivatuneError(
            f"{whole.persons} updates from a cohort of {len(persons)}, but each person sends one; run the round again"
        )
    if whole.unit != mechanism.spacing(clip):
        raise PrivatuneError(f"the round's sums were not clipped at {clip}; run its jobs again")
    like, deviation = shapes_of(whole.sum), whole_deviation(mechanism.noise_of_sum, clip, whole.unit)
    if mechanism.noised == "scalar" and size_of(like) != 1:
        raise PrivatuneError(f"an update has {size_of(like)} values, but a scalar is accounted for; send one number")
    noise = shaped(discrete_gaussian(size_of(like), deviation, seed, "privacy noise", round_number), like)
    # Up to here everything is a whole number; from here on only what is released is processed.
    mean = {name: whole.unit * (summed + noise[name]) / mechanism.expected for name, summed in whole.sum.items()}
    return Release(mean, _next_clip(mechanism, clip, whole.within, key), whole.refused)


def whole_deviation(noise: float, clip: float, unit: float) -> int:
    """Return the deviation of the noise, `noise` times the clip, in whole units, rounded up plus one; 0 without noise.

    Accountants assume continuous Gaussian noise. Discrete Gaussian noise of deviation d around a whole number is, up to
    a share of 2^-230 of any probability, a randomised rounding of continuous noise with variance d^2 - 9. The rounding
    does not depend on the data, so it makes the release no less private (docs/dp-fedavg.md, "Noise in whole numbers").
    For d >= 5 that variance is at least (d - 1)^2, so one extra unit makes up for the difference, for every sampling
    and accountant.
    """
    if noise == 0:
        return 0
    exact = Fraction(noise) * Fraction(clip) / Fraction(unit)  # `noise` itself was rounded by less than 2^-50
    return max(5, math.ceil(exact * (1 + Fraction(1, 2**50))) + 1)


def _next_clip(mechanism: Mechanism, clip: float, within: float, key: tuple[int, int]) -> float:
    """Move the clip geometrically towards the quantile (Andrew et al. 2021, section 2.1), by a noisy count of +-1/2."""
    if mechanism.adaptive is None:
        return clip
    seed, round_number = key
    deviation = whole_deviation(mechanism.noise_of_count, 1.0, COUNT_UNIT)
    noise = int(discrete_gaussian(1, deviation, seed, "clip count noise", round_number)[0])
    share = 0.5 + COUNT_UNIT * (int(within / COUNT_UNIT) + noise) / mechanism.expected
    return clip * math.exp(-mechanism.adaptive.rate * (share - mechanism.adaptive.quantile))


def _refuse_what_is_not_accounted_for(
    mechanism: Mechanism, persons: Sequence[int], clip: float, round_number: int
) -> None:
    if len(set(persons)) != len(persons):
        raise PrivatuneError("a person is in the cohort twice; draw it without replacement")
    if persons and not (min(persons) >= 0 and max(persons) < mechanism.everyone):
        raise PrivatuneError(
            f"the cohort has a person outside the population of {mechanism.population}; draw it from the population"
        )
    drawn = sum(person < mechanism.population for person in persons)
    if mechanism.sampling == "fixed" and drawn != mechanism.cohort:
        raise PrivatuneError(
            f"the cohort has {drawn} persons, but {mechanism.cohort} are accounted for; draw as many as that, or take "
            "sampling: poisson"
        )
    if not 1 <= round_number <= mechanism.rounds:
        raise PrivatuneError(
            f"round {round_number}: {mechanism.rounds} rounds are accounted for; set `rounds` before the first round"
        )
    if not (math.isfinite(clip) and clip > 0):
        raise PrivatuneError(
            f"clip: {clip} cannot serve as a bound; take the mechanism's clip, or the one that the previous round "
            "released"
        )
    if mechanism.adaptive is None and clip != mechanism.clip:
        raise PrivatuneError(
            f"clip: {clip}, but {mechanism.clip} is accounted for; a clip that changes between rounds needs `adaptive`"
        )
