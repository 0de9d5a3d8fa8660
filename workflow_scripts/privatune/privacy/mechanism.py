"""The mechanism of DP-FedAvg: a round's clipped updates become one noisy mean.

Ramaswamy et al. (2020), adaptive clipping by Andrew et al. (2021). A `Mechanism` ties sampling, clip and noise
together; privacy/accounting.py states its epsilon.
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
from privatune.privacy.settings import AdaptiveClipSettings

Sampling = Literal["poisson", "fixed"]
# Poisson cohorts: zero-out, one person's text against none. The place stays in the population, whose size N is public.
# To add or remove a person is not the same: where q is M / N, one person more changes everybody's q, which costs up to
# four times as much (tests/privacy/test_accounting.py).
ADJACENCIES: dict[Sampling, str] = {"poisson": "zero out one", "fixed": "replace one"}
# whose text an epsilon is about: all text of one person, or one example, such as a labelled sentence; and what the
# population counts
Unit = Literal["user", "example"]
COUNTED: dict[Unit, str] = {"user": "persons", "example": "examples"}
# what the noise is added to: a vector of as many values as the model has, or one number
Noised = Literal["vector", "scalar"]

COUNT_UNIT = 2.0**-32  # of the count of updates within the clip, of which noise is a whole multiple


@dataclass(frozen=True)
class Mechanism:
    """What is public of private training, and all that its epsilon depends on.

    The noise on the sum of the clipped updates has standard deviation z S, and that on the mean z S / M, whatever the
    sampling. What this is worth depends on the adjacency: to zero out a person's text moves the sum by S at most, to
    replace it (all that cohorts of a fixed size can be compared by) by 2 S. So accountants get z or z / 2. Where the
    unit is an example, read "example" for "person". A scalar's norm is its magnitude, so that its epsilon is that of a
    vector under the same z.

    Attributes:
        sampling: poisson: each person takes part in a round with probability q, on their own; fixed: `cohort` persons
            a round, drawn uniformly without replacement, anew each round.
        population: N: persons who may be drawn; public, as q is.
        cohort: M: persons of a round; under Poisson sampling the expected number.
        rounds: T.
        noise_multiplier: z.
        clip: S: largest L2 norm of a person's update; with `adaptive` that of the first round.
        delta: probability beyond epsilon.
        adaptive: how the clip goes on; its noised count and the noised sum cost together what z says.
        carriers: synthetic persons beside the population, who carry canaries. Nothing of them follows from a person's
            text or from who is drawn, so that no epsilon depends on them.
        participation: probability with which each carrier takes part in a round, on their own.
        unit: whose text is protected, and what `population` and `cohort` count.
        noised: whether updates are vectors or single numbers.

    Raises:
        PrivatuneError: a value of which no claim could be made.
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

    def __post_init__(self) -> None:
        if self.unit not in COUNTED or self.noised not in get_args(Noised):
            raise PrivatuneError(
                f"mechanism: no epsilon is known for unit {self.unit} and a noised {self.noised}; take user or "
                "example, and vector or scalar"
            )
        counted = COUNTED[self.unit]
        if self.sampling not in ADJACENCIES:
            raise PrivatuneError(f"privacy.sampling: {self.sampling} is not accounted for; take poisson or fixed")
        if not 1 <= self.cohort <= self.population:
            raise PrivatuneError(
                f"cohort: {self.cohort} {counted} a round of {self.population}; take 1 to {self.population}"
            )
        if self.rounds < 1:
            raise PrivatuneError(f"rounds: {self.rounds}; take 1 or more")
        if not (math.isfinite(self.clip) and self.clip > 0):
            raise PrivatuneError(f"privacy.clip: {self.clip} bounds nothing; take a finite number above 0")
        if not (math.isfinite(self.noise_multiplier) and self.noise_multiplier >= 0):
            raise PrivatuneError(f"privacy.noise_multiplier: {self.noise_multiplier}; take a finite number, 0 or more")
        if self.carriers < 0 or not 0 <= self.participation <= 1:
            raise PrivatuneError(
                f"canaries: {self.carriers} carriers, each in a round with probability {self.participation}; take a "
                "probability of 0 to 1"
            )
        if not 0 < self.delta * self.population < 1:
            raise PrivatuneError(
                f"privacy.delta: {self.delta:g} is not between 0 and 1 / {self.population} {counted}; with more, "
                "to publish one of them outright would count as private"
            )

    @property
    def q(self) -> float:
        """Share of the population in a round: exact (fixed) or each person's probability (Poisson)."""
        return self.cohort / self.population

    @property
    def everyone(self) -> int:
        """Persons and carriers: all who may send an update."""
        return self.population + self.carriers

    @property
    def expected(self) -> float:
        """Updates of a round, persons' and carriers', that are expected; public, and what the sum is divided by."""
        return self.cohort + self.carriers * self.participation

    @property
    def sensitivity(self) -> float:
        """Farthest that one person moves the sum of the clipped updates, in L2, under the sampling's adjacency."""
        return 2 * self.clip if self.sampling == "fixed" else self.clip

    @property
    def noise_of_sum(self) -> float:
        """Standard deviation of the noise on the sum, over the clip: z, or more where a count takes its share."""
        share = self.adaptive.budget_share if self.adaptive else 0.0
        return self.noise_multiplier / math.sqrt(1 - share)

    @property
    def noise_of_count(self) -> float:
        """Standard deviation of the noise on the count of updates within the clip; 0 where nothing is counted.

        Each update counts 1/2 or -1/2, so that a person whose text is zeroed out moves the count by 1/2, and one whose
        text is replaced by 1. With 1/z^2 = 1/z_sum^2 + 1/(2 z_count)^2 both noises together cost what z does (Andrew et
        al. 2021, theorem 1), under either adjacency.
        """
        return self.noise_multiplier / (2 * math.sqrt(self.adaptive.budget_share)) if self.adaptive else 0.0

    def spacing(self, clip: float) -> float:
        """What sums of a round are whole multiples of: everyone's clipped updates and 64 deviations of noise fit."""
        return unit_of(clip, self.everyone + 64 * self.noise_of_sum)


def mechanism_from(record: Mapping[str, Any]) -> Mechanism:
    """The mechanism of which `mechanism_record` gave `record`; raises as `Mechanism` does."""
    adaptive = record["adaptive"]
    return Mechanism(**{**record, "adaptive": AdaptiveClipSettings(**adaptive) if adaptive else None})


def mechanism_record(mechanism: Mechanism) -> dict[str, Any]:
    """A mechanism as plain values."""
    return asdict(replace(mechanism, adaptive=None)) | {
        "adaptive": mechanism.adaptive.model_dump() if mechanism.adaptive else None
    }


class Release(NamedTuple):
    """What a round gives: `mean` (float64, by name) and `next_clip` are public; `refused` must not leave the server."""

    mean: Arrays
    next_clip: float
    refused: int


def noisy_mean(
    mechanism: Mechanism, sums: Iterable[ClippedSum], persons: Sequence[int], clip: float, key: tuple[int, int]
) -> Release:
    """(sum of clipped updates + noise of deviation z S) / M, in float64; every person has weight one.

    Args:
        mechanism: see there. M is the number of updates that are expected, also where fewer or more came.
        sums: of parts of the cohort, which together hold each person once, in any order.
        persons: the cohort, as federation.cohorts draws it for this sampling, and the carriers who came, who are
            numbered behind the population.
        clip: S of this round: the mechanism's, or what the round before released.
        key: (seed, round counted from 1) of the noise; the seed is secret where privacy is claimed.

    Raises:
        PrivatuneError: something that voids the claim: a person twice in the cohort, a fixed-size cohort of another
            size, another number of updates than of persons, sums under another clip, a round or a clip that is not
            accounted for.
    """
    seed, round_number = key
    _refuse_what_is_not_accounted_for(mechanism, persons, clip, round_number)
    whole = joined_sum(sums)
    if whole.persons != len(persons):
        raise PrivatuneError(
            f"{whole.persons} updates of a cohort of {len(persons)}: one person, one update; run the round again"
        )
    if whole.unit != mechanism.spacing(clip):
        raise PrivatuneError(f"the round's sums were not clipped at {clip}; run its jobs again")
    like, deviation = shapes_of(whole.sum), whole_deviation(mechanism.noise_of_sum, clip, whole.unit)
    if mechanism.noised == "scalar" and size_of(like) != 1:
        raise PrivatuneError(f"an update has {size_of(like)} values, but a scalar is accounted for; send one number")
    noise = shaped(discrete_gaussian(size_of(like), deviation, seed, "privacy noise", round_number), like)
    # whole numbers until here; what follows is done to what is released
    mean = {name: whole.unit * (summed + noise[name]) / mechanism.expected for name, summed in whole.sum.items()}
    return Release(mean, _next_clip(mechanism, clip, whole.within, key), whole.refused)


def whole_deviation(noise: float, clip: float, unit: float) -> int:
    """Deviation of the noise, `noise` times the clip, in whole units: rounded up, and one more; 0 without noise.

    Accountants know continuous Gaussian noise. The discrete one of deviation d about a whole number is, but for a share
    of 2^-230 of any probability, a randomised rounding of continuous noise of the variance d^2 - 9, which rounding that
    does not look at the data cannot make less private (docs/dp-fedavg.md, "Noise in whole numbers"). From d = 5 on that
    is at least (d - 1)^2, so that one unit more than asked for makes up for it, whatever the sampling and the
    accountant.
    """
    if noise == 0:
        return 0
    exact = Fraction(noise) * Fraction(clip) / Fraction(unit)  # the noise was rounded before: by less than 2^-50
    return max(5, math.ceil(exact * (1 + Fraction(1, 2**50))) + 1)


def _next_clip(mechanism: Mechanism, clip: float, within: float, key: tuple[int, int]) -> float:
    """The clip's geometric step towards the quantile (Andrew et al. 2021, section 2.1), on a noised count of +-1/2."""
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
        raise PrivatuneError("a person is twice in the cohort; draw it without replacement")
    if persons and not (min(persons) >= 0 and max(persons) < mechanism.everyone):
        raise PrivatuneError(f"the cohort has a person beyond the {mechanism.population} of the population")
    drawn = sum(person < mechanism.population for person in persons)
    if mechanism.sampling == "fixed" and drawn != mechanism.cohort:
        raise PrivatuneError(
            f"a cohort of {drawn}, but {mechanism.cohort} is accounted for; draw that many, or sampling: poisson"
        )
    if not 1 <= round_number <= mechanism.rounds:
        raise PrivatuneError(
            f"round {round_number}: {mechanism.rounds} rounds are accounted for; state all rounds before the first"
        )
    if not (math.isfinite(clip) and clip > 0):
        raise PrivatuneError(f"clip: {clip} bounds nothing; take the mechanism's, or what the round before released")
    if mechanism.adaptive is None and clip != mechanism.clip:
        raise PrivatuneError(
            f"clip: {clip}, but {mechanism.clip} is accounted for; a clip chosen on the way needs `adaptive`"
        )
