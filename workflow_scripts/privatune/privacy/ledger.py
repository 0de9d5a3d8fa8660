"""Keep the ledger of all models of the same persons: the epsilons of their phases, alone and composed."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from dp_accounting import DpEvent
from dp_accounting.rdp import RdpAccountant

from privatune.core.errors import PrivatuneError
from privatune.privacy.accounting import all_rounds, tightest
from privatune.privacy.composition import ORDERS, RELATIONS, composed, renyi_epsilon
from privatune.privacy.mechanism import ADJACENCIES, Adjacency, Mechanism, Sampling, Unit


class Phase(NamedTuple):
    """One step in making a model that reads private text.

    Attributes:
        model: the model's name; phases with the same model and phase are equal, such as those of several seeds.
        phase: what the step does.
        mechanism: the mechanism that protects it; null if the text is used without clipping and noise.
    """

    model: str
    phase: str
    mechanism: Mechanism | None


class Entry(NamedTuple):
    """All phases with the same model and phase.

    Attributes:
        model, phase, mechanism: those of the first phase.
        phases: how many phases there are.
        epsilon_alone: the epsilon of one of them.
        epsilon_so_far: the epsilon of these phases and all earlier entries together.
    """

    model: str
    phase: str
    mechanism: Mechanism | None
    phases: int
    epsilon_alone: float
    epsilon_so_far: float


class Total(NamedTuple):
    """The joint guarantee of phases.

    Attributes:
        epsilon: the epsilon of all phases together; infinite if one has no noise.
        delta: the delta of every epsilon of these phases, the least of theirs; NaN if none has a mechanism.
        unit: whose text every epsilon of these phases protects; null if none has a mechanism.
    """

    epsilon: float
    delta: float
    unit: Unit | None


def total(phases: Iterable[Phase]) -> Total:
    """Return the guarantee of all phases together; errors are those of `together`."""
    mechanisms = [phase.mechanism for phase in phases]
    known = [mechanism for mechanism in mechanisms if mechanism]
    delta = min((mechanism.delta for mechanism in known), default=math.nan)
    return Total(together(mechanisms, delta), delta, known[0].unit if known else None)


def entries(phases: Sequence[Phase], delta: float) -> list[Entry]:
    """Return the ledger of all phases, those with the most noise first; errors are those of `together`."""
    alike: dict[tuple[str, str], list[Mechanism | None]] = {}
    for model, phase, mechanism in phases:
        alike.setdefault((model, phase), []).append(mechanism)
    made: list[Entry] = []
    so_far: list[Mechanism | None] = []
    for (model, phase), mechanisms in sorted(alike.items(), key=lambda item: -_noise(item[1][0])):
        so_far += mechanisms
        epsilons = together(mechanisms[:1], delta), together(so_far, delta)
        made.append(Entry(model, phase, mechanisms[0], len(mechanisms), *epsilons))
    return made


def together(mechanisms: Sequence[Mechanism | None], delta: float) -> float:
    """Return the epsilon, at a delta, of all these mechanisms on the same persons; it is infinite if one has no noise.

    The tightest accountant is used. Mechanisms that differ in sampling or adjacency are composed by Renyi DP, for the
    adjacency that zeroes out a person. Zeroing out a text is one way of replacing it, so the bound for fixed-size
    cohorts covers this adjacency too.

    Args:
        mechanisms: the mechanisms; null stands for a use of the text without clipping and noise.
        delta: the delta of the result.

    Raises:
        PrivatuneError: the mechanisms protect different units, so that no single epsilon describes them.
    """
    known = [mechanism for mechanism in mechanisms if mechanism]
    if len({mechanism.unit for mechanism in known}) > 1:
        raise PrivatuneError("one epsilon cannot protect both users and examples; keep a ledger for each unit")
    if len(known) < len(mechanisms) or any(mechanism.noise_multiplier == 0 for mechanism in known):
        return math.inf
    if not known:
        return 0.0
    events: dict[tuple[Sampling, Adjacency], list[DpEvent]] = {}
    for mechanism, times in Counter(known).items():  # composing equal ones at once is faster
        event = all_rounds(replace(mechanism, rounds=times * mechanism.rounds), mechanism.noise_multiplier)
        events.setdefault((mechanism.sampling, mechanism.compared), []).append(event)
    if len(events) == 1:
        (((sampling, adjacency), alike),) = events.items()
        try:
            return composed(alike, sampling, tightest(sampling), delta, adjacency)
        except PrivatuneError:  # too little noise, or too small a delta, for privacy loss distributions
            if adjacency != ADJACENCIES[sampling]:
                raise
            return composed(alike, sampling, "rdp", delta, adjacency)
    rdp = np.zeros(len(ORDERS))
    for (sampling, _), alike in events.items():
        accounted = RdpAccountant(ORDERS, RELATIONS[ADJACENCIES[sampling]])
        for event in alike:
            accounted.compose(event)
        rdp += accounted.rdp
    return renyi_epsilon(ORDERS, rdp, delta)


def _noise(mechanism: Mechanism | None) -> float:
    return mechanism.noise_multiplier if mechanism else -1.0
