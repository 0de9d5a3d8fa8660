"""The terms of a private training: its mechanism and its guarantee, written down before anybody trains."""

from typing import Any

from privatune.federation.cohorts import refuse_too_many
from privatune.privacy.accounting import carriers_epsilon, guarantee, mechanism_of, tightest
from privatune.privacy.mechanism import mechanism_record
from privatune.privacy.settings import PrivacySettings


def terms(
    privacy: PrivacySettings, persons: int, cohort: int, rounds: int, carriers: int, participation: float
) -> dict[str, Any]:
    """Mechanism, guarantee and carriers_epsilon; the last two are null where there is no noise, or no carrier.

    Args:
        privacy: clip, noise and sampling.
        persons: how many there are to draw from.
        cohort, rounds, carriers, participation: as of Mechanism.

    Raises:
        PrivatuneError: a cohort is larger than the population, or of what is asked no claim could be made.
    """
    refuse_too_many(persons, cohort, "dpfedavg.training.cohort.size")
    mechanism = mechanism_of(privacy, persons, cohort, rounds, carriers, participation)
    stated: dict[str, Any] = {"mechanism": mechanism_record(mechanism), "guarantee": None, "carriers_epsilon": None}
    if mechanism.noise_multiplier:
        accountant = privacy.accountant or tightest(privacy.sampling)
        stated["guarantee"] = guarantee(mechanism, accountant).record()
        stated["carriers_epsilon"] = carriers_epsilon(mechanism, accountant) if mechanism.carriers else None
    return stated
