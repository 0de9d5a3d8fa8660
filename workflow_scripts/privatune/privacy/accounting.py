"""Compute the epsilon of a mechanism with dp-accounting, and keep with it everything that an epsilon depends on.

Cohorts of fixed size are accounted for by the Renyi DP of Wang, Balle and Kasiviswanathan (2019, theorem 27), where one
person's text is replaced by another's. Poisson cohorts are accounted for by privacy loss distributions, or by the Renyi
DP of Mironov, Talwar and Zhang (2019), where one person's text is zeroed out. The adjacencies differ, so the two
epsilons cannot be compared directly. Where a text in Poisson cohorts is replaced, privacy loss distributions account
for the pair (1 - q) N(0, z^2) + q N(1, z^2) and (1 - q) N(0, z^2) + q N(-1, z^2) of Zhu, Dong and Wang (2022).
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from dp_accounting import (
    ComposedDpEvent,
    DpEvent,
    GaussianDpEvent,
    PoissonSampledDpEvent,
    SampledWithoutReplacementDpEvent,
    SelfComposedDpEvent,
)
from dp_accounting.mechanism_calibration import LowerEndpointAndGuess, calibrate_dp_mechanism
from dp_accounting.privacy_accountant import PrivacyAccountant

from privatune.core.errors import PrivatuneError
from privatune.privacy.composition import PLD_SEARCH_INTERVAL, Accountant, composed, dp_accountant
from privatune.privacy.mechanism import COUNTED, Adjacency, Mechanism, Noised, Sampling, Unit
from privatune.privacy.settings import PrivacySettings

MOST_EXPECTED = 0.1  # the largest N delta: the expected number of persons whose text may be published outright
LEAST_NOISE = 0.01  # the multiplier at which a search begins; less noise than this supports no claim


@dataclass(frozen=True)
class Guarantee:
    """An epsilon and everything that must be reported with it.

    Attributes:
        epsilon: the upper bound, at `delta`, for all rounds together.
        epsilon_rdp: the same bound by Renyi DP; where a tighter accountant exists, it is never the lower of the two.
            It is NaN for Poisson cohorts under "replace one", which Renyi DP does not support.
        unit, noised: whose text is protected, and what is noised, as in `Mechanism`.
        adjacency: which two populations are compared.
        sensitivity: the L2 distance by which one such change moves the sum of clipped updates, as accounted for.
        sampling, population, cohort, q, rounds, noise_multiplier, clip, delta: as in `Mechanism`.
        accountant: rdp, rdp_plain or pld.
    """

    epsilon: float
    epsilon_rdp: float
    unit: Unit
    noised: Noised
    adjacency: Adjacency
    sensitivity: float
    sampling: Sampling
    population: int
    cohort: int
    q: float
    rounds: int
    noise_multiplier: float
    clip: float
    delta: float
    accountant: Accountant

    def record(self) -> dict[str, Any]:
        """Return the guarantee as a table row."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"epsilon {self.epsilon:.4g} at delta {self.delta:.3g} by {self.unit} ({self.adjacency}, sensitivity "
            f"{self.sensitivity:g} of sums clipped at {self.clip:g}), {self.sampling} sampling with q = {self.q:.3g} "
            f"({self.cohort:,} of {self.population:,}), {self.rounds:,} rounds, noise multiplier "
            f"{self.noise_multiplier:g} of a {self.noised}, by {self.accountant}"
        )


def default_delta(population: int) -> float:
    """Return 1 / (10 N): the default delta, and the largest one that is accepted without `allow_large_delta`."""
    return MOST_EXPECTED / population


def paper_delta(population: int) -> float:
    """Return N^-1.1, for the table of Ramaswamy et al. (2020); below ten billion persons it exceeds 1 / (10 N)."""
    return float(population**-1.1)


def mechanism_of(
    settings: PrivacySettings,
    population: int,
    cohort: int,
    rounds: int,
    carriers: int = 0,
    participation: float = 0.0,
) -> Mechanism:
    """Return the mechanism that settings describe; the other arguments are those of `Mechanism`.

    Raises:
        PrivatuneError: the settings support no privacy claim, or no noise multiplier gives the target epsilon.
    """
    largest = default_delta(population)
    delta = largest if settings.delta is None else settings.delta
    if delta > largest and not settings.allow_large_delta:
        raise PrivatuneError(
            f"privacy.delta: {delta:g} for {population} persons is {delta * population:.2g} times 1 / persons; take at "
            f"most {largest:.3g} (0.1 / persons), or set privacy.allow_large_delta"
        )
    given = settings.noise_multiplier
    mechanism = Mechanism(
        settings.sampling,
        population,
        cohort,
        rounds,
        given or 0.0,
        settings.clip,
        delta,
        settings.adaptive,
        carriers,
        participation,
    )
    if settings.target_epsilon is None:
        return mechanism
    accountant = settings.accountant or tightest(mechanism.sampling)
    return replace(mechanism, noise_multiplier=noise_for(mechanism, settings.target_epsilon, accountant))


def tightest(sampling: Sampling) -> Literal["rdp", "pld"]:
    """Return the accountant that gives the lowest bound for this sampling."""
    return "pld" if sampling == "poisson" else "rdp"


def guarantee(mechanism: Mechanism, accountant: Accountant | None = None, as_paper: bool = False) -> Guarantee:
    """Return the epsilon of a mechanism for its unit.

    Args:
        mechanism: the mechanism. With adaptive clipping, `noise_multiplier` covers the noisy count as well.
        accountant: pld works for Poisson sampling only; None selects the tightest.
        as_paper: account for cohorts of fixed size as Ramaswamy et al. (2020) do, with sensitivity S. Replacing a
            person's text moves the sum by 2 S, so this is not a bound; use it only to compare with their table.

    Raises:
        PrivatuneError: there is no noise, the accountant does not support this sampling, or no finite epsilon is found.
    """
    accountant = accountant or tightest(mechanism.sampling)
    replaced = mechanism.sampling == "poisson" and mechanism.compared == "replace one"
    by_rdp = math.nan if replaced else epsilon([mechanism], "rdp", as_paper)
    return Guarantee(
        epsilon=by_rdp if accountant == "rdp" and not replaced else epsilon([mechanism], accountant, as_paper),
        epsilon_rdp=by_rdp,
        unit=mechanism.unit,
        noised=mechanism.noised,
        adjacency=mechanism.compared,
        sensitivity=mechanism.clip if as_paper else mechanism.sensitivity,
        sampling=mechanism.sampling,
        population=mechanism.population,
        cohort=mechanism.cohort,
        q=mechanism.q,
        rounds=mechanism.rounds,
        noise_multiplier=mechanism.noise_multiplier,
        clip=mechanism.clip,
        delta=mechanism.delta,
        accountant=accountant,
    )


def epsilon(phases: Sequence[Mechanism], accountant: Accountant = "rdp", as_paper: bool = False) -> float:
    """Return the epsilon of several mechanisms that run on the same data; tuning counts as well as training.

    Raises:
        PrivatuneError: there is no noise, the accountant does not support the sampling, or the phases differ in unit,
            adjacency or delta, so that no single epsilon describes them; or no finite epsilon is found.
    """
    _refuse_what_has_no_common_epsilon(phases)
    first = phases[0]
    if any(phase.noise_multiplier == 0 for phase in phases):
        raise PrivatuneError("privacy.noise_multiplier: without noise there is no epsilon; take it above 0")
    events = [all_rounds(phase, phase.noise_multiplier, as_paper) for phase in phases]
    return composed(events, first.sampling, accountant, first.delta, first.compared)


def _refuse_what_has_no_common_epsilon(phases: Sequence[Mechanism]) -> None:
    if len({(phase.unit, phase.sampling, phase.compared, phase.delta) for phase in phases}) != 1:
        raise PrivatuneError(
            "the phases of one epsilon must have the same unit, sampling, adjacency and delta; report them separately"
        )


def carriers_epsilon(mechanism: Mechanism, accountant: Literal["rdp", "pld"] = "rdp") -> float:
    """Return the epsilon, at the mechanism's delta, of a person who takes part as often as its carriers do.

    Where carriers take part more often than persons, this epsilon is the larger one, so an attack on canaries cannot
    contradict the epsilon of the persons. Carriers are always drawn by Poisson sampling, however persons are drawn.

    Raises:
        PrivatuneError: there is no noise.
    """
    if mechanism.noise_multiplier == 0:
        raise PrivatuneError("privacy.noise_multiplier: without noise there is no epsilon; take it above 0")
    if mechanism.participation == 0:
        return 0.0
    sampled = PoissonSampledDpEvent(mechanism.participation, GaussianDpEvent(mechanism.noise_multiplier))
    return composed([SelfComposedDpEvent(sampled, mechanism.rounds)], "poisson", accountant, mechanism.delta)


def noise_for(mechanism: Mechanism, target: float, accountant: Literal["rdp", "pld"] = "rdp") -> float:
    """Return the least noise multiplier, to 1e-6, whose epsilon is at most `target`; the mechanism's own is ignored.

    The search takes seconds, so a workflow runs it once and stores the result. Errors are those of `scale_for`.
    """
    return scale_for([mechanism], [1.0], target, accountant)


def scale_for(
    phases: Sequence[Mechanism], relative: Sequence[float], target: float, accountant: Literal["rdp", "pld"] = "rdp"
) -> float:
    """Return the least x, to 1e-6, for which several phases on the same data have an epsilon of at most `target`.

    Args:
        phases: the mechanisms; their own noise multipliers are ignored.
        relative: the multiplier of each phase in units of x; the least of them is 1.
        target: the epsilon.
        accountant: rdp or pld.

    Raises:
        PrivatuneError: the target is reached with almost no noise, the accountant does not support the sampling, or the
            phases have no common epsilon.
    """
    _refuse_what_has_no_common_epsilon(phases)
    first = phases[0]

    def fresh() -> PrivacyAccountant:
        interval = max(PLD_SEARCH_INTERVAL, 1e-4 * target)
        return dp_accountant(first.sampling, accountant, interval, first.compared)

    def event(scale: float) -> DpEvent:
        pairs = zip(phases, relative, strict=True)
        return ComposedDpEvent([all_rounds(phase, scale * multiplier) for phase, multiplier in pairs])

    def found(scale: float) -> float:
        return float(fresh().compose(event(scale)).get_epsilon(first.delta))

    lower, guess = LEAST_NOISE, 1.0
    if accountant == "pld":  # its bound is lower but slow, so search below the multiplier that RDP finds
        guess = scale_for([replace(phase, adjacency=None) for phase in phases], relative, target, "rdp")
        lower = guess / 4
        if math.isinf(found(guess)):
            noisy = [replace(p, noise_multiplier=guess * z) for p, z in zip(phases, relative, strict=True)]
            epsilon(noisy, "pld")  # refuses a delta that it has no epsilon for
    if found(lower) <= target:
        rounds = " and ".join(f"{phase.rounds} rounds of {phase.cohort}" for phase in phases)
        raise PrivatuneError(
            f"privacy.target_epsilon: {target:g}, in {rounds} of {first.population} {COUNTED[first.unit]}, would need "
            f"a noise multiplier below {lower:.2g}; lower the target"
        )
    return float(calibrate_dp_mechanism(fresh, event, target, first.delta, LowerEndpointAndGuess(lower, guess)))


def all_rounds(mechanism: Mechanism, noise_multiplier: float, as_paper: bool = False) -> DpEvent:
    """Return all rounds as one event.

    For cohorts of fixed size the accountant divides the noise by the sensitivity, not by the clip. For Poisson cohorts
    it takes the noise in clips under either adjacency: under "replace one" it knows that two clips may lie between.
    """
    in_clips = 2.0 if mechanism.sampling == "fixed" and not as_paper else 1.0
    gaussian = GaussianDpEvent(noise_multiplier / in_clips)
    if mechanism.sampling == "poisson":
        sampled: DpEvent = PoissonSampledDpEvent(mechanism.q, gaussian)
    else:
        sampled = SampledWithoutReplacementDpEvent(mechanism.population, mechanism.cohort, gaussian)
    return SelfComposedDpEvent(sampled, mechanism.rounds)
