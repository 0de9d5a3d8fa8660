"""State the terms of training under differential privacy, its mechanism and guarantee, before anyone trains."""

from typing import Any

from privatune.federation.cohorts import refuse_too_many
from privatune.privacy.accounting import carriers_epsilon, guarantee, mechanism_of, tightest
from privatune.privacy.mechanism import mechanism_record
from privatune.privacy.settings import PrivacySettings


def terms(
    privacy: PrivacySettings, persons: int, cohort: int, rounds: int, carriers: int, participation: float
) -> dict[str, Any]:
    """Return mechanism, guarantee and carriers_epsilon.

    Both guarantee and carriers_epsilon are null without noise; carriers_epsilon is also null without carriers.

    Args:
        privacy: clip, noise and sampling.
        persons: how many persons there are to draw from.
        cohort, rounds, carriers, participation: as in `Mechanism`.

    Raises:
        PrivatuneError: a cohort is larger than the population, or the settings support no privacy claim.
    """
    refuse_too_many(persons, cohort, "dpfedavg.training.cohort.size")
    mechanism = mechanism_of(privacy, persons, cohort, rounds, carriers, participation)
    stated: dict[str, Any] = {"mechanism": mechanism_record(mechanism), "guarantee": None, "carriers_epsilon": None}
    if mechanism.noise_multiplier:
        accountant = privacy.accountant or tightest(privacy.sampling)
        stated["guarantee"] = guarantee(mechanism, accountant).record()
        stated["carriers_epsilon"] = carriers_epsilon(mechanism, accountant) if mechanism.carriers else None
    return stated
