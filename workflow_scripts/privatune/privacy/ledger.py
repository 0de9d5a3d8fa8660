"""What several trainings on the same persons tell together: the sum over all models that are released."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
from dp_accounting import DpEvent, SelfComposedDpEvent
from dp_accounting.rdp import RdpAccountant, compute_epsilon

from privatune.privacy.accounting import ORDERS, RELATIONS, all_rounds, composed, tightest
from privatune.privacy.mechanism import Mechanism, Sampling


def together(trainings: Sequence[Mechanism], delta: float) -> float:
    """Epsilon, at a delta, of all of these trainings on the same persons; infinite where one of them has no noise.

    By the tightest accountant. Poisson cohorts and cohorts of fixed size are joined by Renyi DP, for a person who is
    zeroed out: to replace a text by none is to replace it, so the bound of the latter covers that too.
    """
    if any(training.noise_multiplier == 0 for training in trainings):
        return math.inf
    if not trainings:
        return 0.0
    events: dict[Sampling, list[DpEvent]] = {}
    for training, times in Counter(trainings).items():  # equal ones at once, as it is quicker
        event = SelfComposedDpEvent(all_rounds(training, training.noise_multiplier), times)
        events.setdefault(training.sampling, []).append(event)
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
