"""The mechanism of DP-FedAvg: a round's clipped updates become one noisy mean.

Ramaswamy et al. (2020), adaptive clipping by Andrew et al. (2021). A `Mechanism` ties sampling, clip and noise
together; privacy/accounting.py states its epsilon.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from privatune.compression.vectors import Shapes, shapes_of
from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.core.tensors import Arrays
from privatune.privacy.settings import AdaptiveClipSettings

Sampling = Literal["poisson", "fixed"]
ADJACENCIES: dict[Sampling, str] = {"poisson": "add or remove one", "fixed": "replace one"}


@dataclass(frozen=True)
class Mechanism:
    """What is public of private training, and all that its epsilon depends on.

    The noise on the sum of the clipped updates has standard deviation z S, and that on the mean z S / M, whatever the
    sampling. What this is worth depends on the adjacency: to add or remove a person moves the sum by S at most, to
    replace one (all that cohorts of a fixed size can be compared by) by 2 S. So accountants get z or z / 2.

    Attributes:
        sampling: poisson: each person takes part in a round with probability q, on their own; fixed: `cohort` persons
            a round, drawn uniformly without replacement, anew each round.
        population: N: persons who may be drawn.
        cohort: M: persons of a round; under Poisson sampling the expected number.
        rounds: T.
        noise_multiplier: z.
        clip: S: largest L2 norm of a person's update; with `adaptive` that of the first round.
        delta: probability beyond epsilon.
        adaptive: how the clip goes on; its noised count and the noised sum cost together what z says.

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

    def __post_init__(self) -> None:
        if self.sampling not in ADJACENCIES:
            raise PrivatuneError(f"privacy.sampling: {self.sampling} is not accounted for; take poisson or fixed")
        if not 1 <= self.cohort <= self.population:
            raise PrivatuneError(
                f"cohort: {self.cohort} persons a round of {self.population}; take 1 to {self.population}"
            )
        if self.rounds < 1:
            raise PrivatuneError(f"rounds: {self.rounds}; take 1 or more")
        if not (math.isfinite(self.clip) and self.clip > 0):
            raise PrivatuneError(f"privacy.clip: {self.clip} bounds nothing; take a finite number above 0")
        if not (math.isfinite(self.noise_multiplier) and self.noise_multiplier >= 0):
            raise PrivatuneError(f"privacy.noise_multiplier: {self.noise_multiplier}; take a finite number, 0 or more")
        if not 0 < self.delta * self.population < 1:
            raise PrivatuneError(
                f"privacy.delta: {self.delta:g} is not between 0 and 1 / {self.population} persons; with more, "
                "to publish one of them outright would count as private"
            )

    @property
    def q(self) -> float:
        """Share of the population in a round: exact (fixed) or each person's probability (Poisson)."""
        return self.cohort / self.population

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

        Each update counts 1/2 or -1/2, so that a person who is added or removed moves the count by 1/2, and one who is
        replaced by 1. With 1/z^2 = 1/z_sum^2 + 1/(2 z_count)^2 both noises together cost what z does (Andrew et al.
        2021, theorem 1), under either adjacency.
        """
        return self.noise_multiplier / (2 * math.sqrt(self.adaptive.budget_share)) if self.adaptive else 0.0


class Clipped(NamedTuple):
    """A person's update whose L2 norm is at most the clip, in float64, and whether it was so before."""

    update: Arrays
    within: bool


class Release(NamedTuple):
    """What a round gives: `mean` (float64, by name) and `next_clip` are public; `refused` must not leave the server."""

    mean: Arrays
    next_clip: float
    refused: int


def clip_update(update: Arrays, clip: float) -> Clipped:
    """Flat clipping: Delta * min(1, S / ||Delta||), the norm taken over all tensors as one vector.

    Args:
        update: tensors by name, new weights minus old.
        clip: S, the L2 norm that no update exceeds. It is the clipped sum's sensitivity to one person who is added or
            removed, and half of that to one who is replaced.

    Raises:
        PrivatuneError: a value is not finite, so that no norm bounds it.
    """
    wide = {name: tensor.astype(np.float64) for name, tensor in update.items()}
    if not all(np.isfinite(tensor).all() for tensor in wide.values()):
        raise PrivatuneError("an update holds a value that is not finite; no clip bounds it, so it is refused")
    largest = max((float(np.abs(tensor).max(initial=0.0)) for tensor in wide.values()), default=0.0)
    if largest == 0:
        return Clipped(wide, within=True)
    # over the largest value, as squares of the smallest and of the largest doubles are no doubles; in the order of
    # names, so that equal updates are clipped alike to the bit
    norm = largest * math.sqrt(sum(float(np.square(wide[name] / largest).sum()) for name in sorted(wide)))
    if norm <= clip:
        return Clipped(wide, within=True)
    return Clipped({name: tensor * (clip / norm) for name, tensor in wide.items()}, within=False)


def noisy_mean(
    mechanism: Mechanism,
    updates: Iterable[Arrays],
    persons: Sequence[int],
    like: Shapes,
    clip: float,
    key: tuple[int, int],
) -> Release:
    """(sum of clipped updates + N(0, (z S)^2)) / M, in float64; every person has weight one.

    An update that is not finite counts as zero: an error in its place would tell that this person took part, and
    with what. How many there were is a private figure too.

    Args:
        mechanism: see there. M is its public cohort size, also where fewer or more were drawn.
        updates: one a person of the cohort, in its order, summed in that order; clipped here, so whatever came before
            (a codec, a client that does as it likes) cannot raise the sensitivity.
        persons: the cohort, as federation.cohorts draws it for this sampling.
        like: shapes of the model's tensors.
        clip: S of this round: the mechanism's, or what the round before released.
        key: (seed, round counted from 1) of the noise; the seed is secret where privacy is claimed.

    Raises:
        PrivatuneError: something that voids the claim: a person twice in the cohort, a fixed-size cohort of another
            size, another number of updates than of persons, a tensor of another shape, a round or a clip that is not
            accounted for.
    """
    seed, round_number = key
    _refuse_what_is_not_accounted_for(mechanism, persons, clip, round_number)
    total = {name: np.zeros(like[name]) for name in sorted(like)}
    count, within, refused = 0, 0.0, 0
    for update in updates:
        count += 1
        if shapes_of(update) != dict(like):
            raise PrivatuneError(
                f"update {count} of the round: its tensors are not the model's; refused before summing"
            )
        try:
            clipped = clip_update(update, clip)
        except PrivatuneError:
            refused += 1
            continue
        within += 0.5 if clipped.within else -0.5
        for name, change in clipped.update.items():
            total[name] += change
    if count != len(persons):
        raise PrivatuneError(
            f"{count} updates of a cohort of {len(persons)}: one person, one update; run the round again"
        )
    noise = stream(seed, "privacy noise", round_number)
    deviation = mechanism.noise_of_sum * clip
    mean = {
        name: (summed + deviation * noise.standard_normal(summed.shape)) / mechanism.cohort
        for name, summed in total.items()
    }
    return Release(mean, _next_clip(mechanism, clip, within, key), refused)


def _next_clip(mechanism: Mechanism, clip: float, within: float, key: tuple[int, int]) -> float:
    """The clip's geometric step towards the quantile (Andrew et al. 2021, section 2.1), on a noised count of +-1/2."""
    if mechanism.adaptive is None:
        return clip
    seed, round_number = key
    noise = stream(seed, "clip count noise", round_number).standard_normal()
    share = 0.5 + (within + mechanism.noise_of_count * noise) / mechanism.cohort
    return clip * math.exp(-mechanism.adaptive.rate * (share - mechanism.adaptive.quantile))


def _refuse_what_is_not_accounted_for(
    mechanism: Mechanism, persons: Sequence[int], clip: float, round_number: int
) -> None:
    if len(set(persons)) != len(persons):
        raise PrivatuneError("a person is twice in the cohort; draw it without replacement")
    if persons and not (min(persons) >= 0 and max(persons) < mechanism.population):
        raise PrivatuneError(f"the cohort has a person beyond the {mechanism.population} of the population")
    if mechanism.sampling == "fixed" and len(persons) != mechanism.cohort:
        raise PrivatuneError(
            f"a cohort of {len(persons)}, but {mechanism.cohort} is accounted for; draw that many, or sampling: poisson"
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
