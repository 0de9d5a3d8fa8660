"""What several models of the same persons tell together: epsilons of their phases, alone and added up."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from dp_accounting import DpEvent, SelfComposedDpEvent
from dp_accounting.rdp import RdpAccountant, compute_epsilon

from privatune.core.errors import PrivatuneError
from privatune.privacy.accounting import ORDERS, RELATIONS, all_rounds, composed, tightest
from privatune.privacy.mechanism import Mechanism, Sampling, Unit


class Phase(NamedTuple):
    """A part of the making of one model that reads private text.

    Attributes:
        model: what the model is called; phases of one name and kind are alike, say of models under several seeds.
        phase: what is done in it.
        mechanism: what is noised in it, and how; null where the text is used as it is, without clip and noise.
    """

    model: str
    phase: str
    mechanism: Mechanism | None


class Entry(NamedTuple):
    """Phases of one name and kind.

    Attributes:
        model, phase, mechanism: of the first of them.
        phases: how many there are.
        epsilon_alone: of one of them.
        epsilon_so_far: of these and of all entries before this one, together.
    """

    model: str
    phase: str
    mechanism: Mechanism | None
    phases: int
    epsilon_alone: float
    epsilon_so_far: float


class Total(NamedTuple):
    """What phases tell together.

    Attributes:
        epsilon: of all of them; infinite where one has no noise.
        delta: which every epsilon of these phases is at, the least of any of them; NaN where none has a mechanism.
        unit: whose text every epsilon of these phases is about; null where none has a mechanism.
    """

    epsilon: float
    delta: float
    unit: Unit | None


def total(phases: Iterable[Phase]) -> Total:
    """Epsilon of all phases together; raises as `together` does."""
    mechanisms = [phase.mechanism for phase in phases]
    known = [mechanism for mechanism in mechanisms if mechanism]
    delta = min((mechanism.delta for mechanism in known), default=math.nan)
    return Total(together(mechanisms, delta), delta, known[0].unit if known else None)


def entries(phases: Sequence[Phase], delta: float) -> list[Entry]:
    """The ledger of all phases, those with the most noise first; raises as `together` does."""
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
    """Epsilon, at a delta, of all of these mechanisms on the same persons; infinite where one of them has no noise.

    By the tightest accountant. Poisson cohorts and cohorts of fixed size are joined by Renyi DP, for a person who is
    zeroed out: to replace a text by none is to replace it, so the bound of the latter covers that too.

    Args:
        mechanisms: null for one that uses the text as it is.
        delta: see there.

    Raises:
        PrivatuneError: they protect different units, so that one epsilon cannot be about all of them.
    """
    known = [mechanism for mechanism in mechanisms if mechanism]
    if len({mechanism.unit for mechanism in known}) > 1:
        raise PrivatuneError("one epsilon cannot be by user and by example; keep a ledger for each unit")
    if len(known) < len(mechanisms) or any(mechanism.noise_multiplier == 0 for mechanism in known):
        return math.inf
    if not known:
        return 0.0
    events: dict[Sampling, list[DpEvent]] = {}
    for mechanism, times in Counter(known).items():  # equal ones at once, as it is quicker
        event = SelfComposedDpEvent(all_rounds(mechanism, mechanism.noise_multiplier), times)
        events.setdefault(mechanism.sampling, []).append(event)
    if len(events) == 1:
        ((sampling, alike),) = events.items()
        return composed(alike, sampling, tightest(sampling), delta)
    rdp = np.zeros(len(ORDERS))
    for sampling, alike in events.items():
        accounted = RdpAccountant(ORDERS, RELATIONS[sampling])
        for event in alike:
            accounted.compose(event)
        rdp += accounted.rdp
    return float(compute_epsilon(ORDERS, rdp, delta)[0])


def _noise(mechanism: Mechanism | None) -> float:
    return mechanism.noise_multiplier if mechanism else -1.0
