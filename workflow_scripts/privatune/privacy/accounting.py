"""Epsilon of a mechanism, by the accountants of dp-accounting, with all that an epsilon means nothing without.

Cohorts of fixed size: Renyi DP of Wang, Balle and Kasiviswanathan (2019, theorem 27), where one person's text is
replaced by another's. Poisson cohorts: privacy loss distributions, or Renyi DP of Mironov, Talwar and Zhang (2019),
where one person's text is zeroed out. These adjacencies differ, so one epsilon cannot be read as the other.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

from dp_accounting import (
    DpEvent,
    GaussianDpEvent,
    NeighboringRelation,
    PoissonSampledDpEvent,
    SampledWithoutReplacementDpEvent,
    SelfComposedDpEvent,
)
from dp_accounting.mechanism_calibration import LowerEndpointAndGuess, calibrate_dp_mechanism
from dp_accounting.pld import PLDAccountant
from dp_accounting.privacy_accountant import PrivacyAccountant
from dp_accounting.rdp import RdpAccountant

from privatune.core.errors import PrivatuneError
from privatune.privacy.mechanism import ADJACENCIES, COUNTED, Mechanism, Noised, Sampling, Unit
from privatune.privacy.settings import PrivacySettings, ScaleSettings

# rdp: Renyi DP by the conversion of Canonne, Kamath and Steinke (2020, proposition 12); rdp_plain: by Mironov's (2017)
Accountant = Literal["rdp", "rdp_plain", "pld"]

# the paper's, and whole, as theorem 27 of Wang et al. is. Poisson sampling gains much from those between, with little
# noise even from those below 2, so it gets dp-accounting's own; orders whose series does not converge are left out, and
# the log says so
ORDERS = (*range(2, 64), 128, 256)
# of the privacy loss; every choice gives an upper bound. With 1e-4 a result is within 1e-4 of its limit and takes half
# a second; a large epsilon gets a wider interval in proportion, or its grid would fit no memory, and is within 1e-5 of
# itself. While a multiplier is searched for, 1e-3 or a share of 1e-4 costs it a thousandth of epsilon
PLD_INTERVAL, PLD_SHARE, PLD_WIDEST, PLD_SEARCH_INTERVAL = 1e-4, 1e-5, 100.0, 1e-3
MOST_EXPECTED = 0.1  # persons whose text may be published outright, N delta
LEAST_NOISE = 0.01  # multiplier at which a search begins; no claim is made with so little
RELATIONS = {
    "poisson": NeighboringRelation.REPLACE_SPECIAL,
    "fixed": NeighboringRelation.REPLACE_ONE,
}


@dataclass(frozen=True)
class Guarantee:
    """An epsilon and what must stand beside it.

    Attributes:
        epsilon: upper bound, at `delta`, of all rounds together.
        epsilon_rdp: the same by Renyi DP, which is never lower where there is a tighter accountant.
        unit: whose text is protected: as of the Mechanism, as is noised.
        adjacency: which two populations are compared.
        sensitivity: L2 distance that one such change moves the sum of clipped updates, as accounted for.
        sampling, population, cohort, q, rounds, noise_multiplier, clip, delta: as of the Mechanism.
        accountant: rdp, rdp_plain or pld.
    """

    epsilon: float
    epsilon_rdp: float
    unit: Unit
    noised: Noised
    adjacency: str
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
        """As a row of a table."""
        return asdict(self)

    def __str__(self) -> str:
        return (
            f"epsilon {self.epsilon:.4g} at delta {self.delta:.3g} by {self.unit} ({self.adjacency}, sensitivity "
            f"{self.sensitivity:g} of sums clipped at {self.clip:g}), {self.sampling} sampling with q = {self.q:.3g} "
            f"({self.cohort:,} of {self.population:,}), {self.rounds:,} rounds, noise multiplier "
            f"{self.noise_multiplier:g} of a {self.noised}, by {self.accountant}"
        )


def default_delta(population: int) -> float:
    """Delta where none is given, and the largest that is accepted unasked: 1 / (10 N)."""
    return MOST_EXPECTED / population


def paper_delta(population: int) -> float:
    """N^-1.1, of the table of Ramaswamy et al. (2020) alone: below ten billion persons it is above 1 / (10 N)."""
    return float(population**-1.1)


def mechanism_of(
    settings: PrivacySettings,
    population: int,
    cohort: int,
    rounds: int,
    carriers: int = 0,
    participation: float = 0.0,
) -> Mechanism:
    """The mechanism that settings describe; the other arguments are as of Mechanism.

    Raises:
        PrivatuneError: of what is asked no claim could be made, or no noise reaches the target.
    """
    largest = default_delta(population)
    delta = largest if settings.delta is None else settings.delta
    if delta > largest and not settings.allow_large_delta:
        raise PrivatuneError(
            f"privacy.delta: {delta:g} for {population} persons is {delta * population:.2g} of 1 / persons; take at "
            f"most {largest:.3g}, a tenth of it, or set privacy.allow_large_delta"
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
    """The accountant whose bound is lowest for this sampling."""
    return "pld" if sampling == "poisson" else "rdp"


def guarantee(mechanism: Mechanism, accountant: Accountant | None = None, as_paper: bool = False) -> Guarantee:
    """The epsilon of a mechanism, for its unit.

    Args:
        mechanism: see there. With adaptive clipping its count is within `noise_multiplier`'s budget.
        accountant: pld for Poisson sampling only; None: the tightest.
        as_paper: account for cohorts of fixed size as Ramaswamy et al. (2020) do, with sensitivity S. That is no bound
            where a person's text is replaced, which moves the sum by 2 S: for comparison with their table alone.

    Raises:
        PrivatuneError: there is no noise, or the accountant does not know this sampling.
    """
    accountant = accountant or tightest(mechanism.sampling)
    by_rdp = epsilon([mechanism], "rdp", as_paper)
    return Guarantee(
        epsilon=by_rdp if accountant == "rdp" else epsilon([mechanism], accountant, as_paper),
        epsilon_rdp=by_rdp,
        unit=mechanism.unit,
        noised=mechanism.noised,
        adjacency=ADJACENCIES[mechanism.sampling],
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
    """Epsilon of several mechanisms on the same data, one after the other: tuning counts as well as training.

    Raises:
        PrivatuneError: there is no noise, the accountant does not know the sampling, or the phases differ in unit,
            adjacency or delta, so that one epsilon cannot be about all of them.
    """
    if len({(phase.unit, phase.sampling, phase.delta) for phase in phases}) != 1:
        raise PrivatuneError("phases of one epsilon must be alike in unit, sampling and delta; state them apart")
    sampling, delta = phases[0].sampling, phases[0].delta
    if any(phase.noise_multiplier == 0 for phase in phases):
        raise PrivatuneError("privacy.noise_multiplier: without noise there is no epsilon; take it above 0")
    events = [all_rounds(phase, phase.noise_multiplier, as_paper) for phase in phases]
    return composed(events, sampling, accountant, delta)


def composed(events: Sequence[DpEvent], sampling: Sampling, accountant: Accountant, delta: float) -> float:
    """Epsilon of events on the same persons, all of whose cohorts are drawn in one way."""
    interval = PLD_INTERVAL
    if accountant == "pld":
        interval = min(max(PLD_INTERVAL, PLD_SHARE * composed(events, sampling, "rdp", delta)), PLD_WIDEST)
    accounted = _accountant(sampling, accountant, interval)
    for event in events:
        accounted.compose(event)
    if accountant == "rdp_plain":
        pairs = zip(accounted.orders, accounted.rdp, strict=True)
        return float(min(rdp + math.log(1 / delta) / (order - 1) for order, rdp in pairs))
    return float(accounted.get_epsilon(delta))


def carriers_epsilon(mechanism: Mechanism, accountant: Literal["rdp", "pld"] = "rdp") -> float:
    """Epsilon of a person who takes part as often as the mechanism's carriers, at its delta.

    It is larger than that of the persons where carriers take part more often than they do: no attack on canaries can
    contradict the persons' own epsilon. Their draws are Poisson's, whatever the persons' are.

    Raises:
        PrivatuneError: there is no noise.
    """
    if mechanism.noise_multiplier == 0:
        raise PrivatuneError("privacy.noise_multiplier: without noise there is no epsilon; take it above 0")
    sampled = PoissonSampledDpEvent(mechanism.participation, GaussianDpEvent(mechanism.noise_multiplier))
    return composed([SelfComposedDpEvent(sampled, mechanism.rounds)], "poisson", accountant, mechanism.delta)


def noise_for(mechanism: Mechanism, target: float, accountant: Literal["rdp", "pld"] = "rdp") -> float:
    """The least noise multiplier, to 1e-6, whose epsilon is at most `target`; the mechanism's own is not read.

    It takes seconds, so a workflow asks once and writes down the answer.

    Raises:
        PrivatuneError: next to no noise is asked for, or the accountant does not know the sampling.
    """

    def fresh() -> PrivacyAccountant:
        return _accountant(mechanism.sampling, accountant, max(PLD_SEARCH_INTERVAL, 1e-4 * target))

    lower, guess = LEAST_NOISE, 1.0
    first = fresh()
    if accountant == "pld":  # its bound is lower and slower: search below what the faster one finds
        guess = noise_for(mechanism, target, "rdp")
        lower = guess / 4
    first.compose(all_rounds(mechanism, lower))
    if first.get_epsilon(mechanism.delta) <= target:
        raise PrivatuneError(
            f"privacy.target_epsilon: {target:g} in {mechanism.rounds} rounds of {mechanism.cohort} of "
            f"{mechanism.population} {COUNTED[mechanism.unit]} asks for a noise multiplier below {lower:.2g}; ask for "
            "less"
        )
    bracket = LowerEndpointAndGuess(lower, guess)
    return float(calibrate_dp_mechanism(fresh, lambda z: all_rounds(mechanism, z), target, mechanism.delta, bracket))


def _accountant(sampling: Sampling, accountant: Accountant, interval: float) -> PrivacyAccountant:
    if accountant == "pld":
        if sampling != "poisson":
            raise PrivatuneError(
                "privacy.accountant: pld knows no cohorts of fixed size; take rdp, or sampling: poisson"
            )
        return PLDAccountant(RELATIONS[sampling], interval)
    between = accountant == "rdp" and sampling == "poisson"
    return RdpAccountant(None if between else ORDERS, RELATIONS[sampling])


def all_rounds(mechanism: Mechanism, noise_multiplier: float, as_paper: bool = False) -> DpEvent:
    """All rounds of a mechanism; the accountant's multiplier is the noise over the sensitivity, not over the clip."""
    in_clips = 1.0 if as_paper else mechanism.sensitivity / mechanism.clip
    gaussian = GaussianDpEvent(noise_multiplier / in_clips)
    if mechanism.sampling == "poisson":
        sampled: DpEvent = PoissonSampledDpEvent(mechanism.q, gaussian)
    else:
        sampled = SampledWithoutReplacementDpEvent(mechanism.population, mechanism.cohort, gaussian)
    return SelfComposedDpEvent(sampled, mechanism.rounds)


def by_population(s: ScaleSettings) -> list[dict[str, Any]]:
    """Rows of the table `accounting`: what the same training is worth in populations of other sizes.

    Fixed-size cohorts as the paper accounts for them, by its conversion and by the tighter one, at its delta, N^-1.1;
    and by ours, at 1 / (10 N): such cohorts with 2 S, as a person's text is replaced, and Poisson cohorts.
    """
    ways: list[tuple[str, Sampling, Accountant]] = [
        ("as_paper", "fixed", "rdp_plain"),
        ("as_paper", "fixed", "rdp"),
        ("ours", "fixed", "rdp_plain"),
        ("ours", "fixed", "rdp"),
        ("ours", "poisson", "rdp_plain"),
        ("ours", "poisson", "rdp"),
        ("ours", "poisson", "pld"),
    ]
    rows = []
    for source, sampling, accountant in ways:
        for population in s.populations:
            delta = paper_delta(population) if source == "as_paper" else default_delta(population)
            mechanism = Mechanism(
                sampling, population, s.cohort.size, s.cohort.rounds, s.noise_multiplier, s.clip, delta
            )
            rows.append({"source": source} | guarantee(mechanism, accountant, source == "as_paper").record())
    return rows
