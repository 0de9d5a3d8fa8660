"""Forecast DP-FedAvg at a scale that is not run here: N persons, M per round, T rounds (Ramaswamy et al. 2020)."""

from collections.abc import Mapping
from itertools import product
from typing import Any

from privatune.experiment import Experiment
from privatune.planning.known import Cost
from privatune.privacy.accounting import default_delta, guarantee, paper_delta
from privatune.privacy.mechanism import Mechanism, Sampling
from privatune.stages.work import Lm, Texts, visit_words

# how cohorts are accounted for and drawn: fixed size as the paper does, which is no bound; fixed size by us; Poisson
WAYS: list[tuple[str, Sampling]] = [("as_paper", "fixed"), ("ours", "fixed"), ("ours", "poisson")]


def at_scale(e: Experiment, texts: Texts, costs: Mapping[str, Cost]) -> dict[str, Any]:
    """Return the forecast of `plan` for the model of `dpfedavg.training`, in float32, over all rounds.

    Args:
        e: the experiment.
        texts: how much text there is; it gives the words of a person unless `plan.words` does.
        costs: costs by stage; `dp_train` gives the time of devices, and `aggregate` that of the server.

    Returns:
        populations, cohort, rounds, noise_multiplier, parameters; bytes_up and bytes_down of all devices;
        device_seconds per visit, device_hours of all visits, and server_hours of one core that checks and adds the
        updates, each null if it was never measured; epsilons, a list of records.
    """
    p, t = e.plan, e.dpfedavg.training
    visits = p.cohort.size * p.cohort.rounds
    trained, sent = visit_words(t.client, p.words or texts.person)
    lm = Lm(t.model, t.vocabulary)
    operations = lm.training(trained, t.client.facts.teaches)
    device, server = (costs[stage].seconds.rate if stage in costs else None for stage in ("dp_train", "aggregate"))
    epsilons = []
    for (source, sampling), population in product(WAYS, p.populations):
        papers = source == "as_paper"
        delta = (paper_delta if papers else default_delta)(population)
        mechanism = Mechanism(sampling, population, p.cohort.size, p.cohort.rounds, p.noise_multiplier, p.clip, delta)
        epsilons.append(guarantee(mechanism, "rdp_plain" if papers else None, papers).record() | {"source": source})
    return {
        "populations": p.populations,
        "cohort": p.cohort.size,
        "rounds": p.cohort.rounds,
        "noise_multiplier": p.noise_multiplier,
        "parameters": lm.parameters,
        "bytes_up": visits * lm.bytes,
        "bytes_down": visits * (lm.bytes + sent * lm.id_bytes),
        "device_seconds": None if device is None else device * operations / p.device_speed,
        "device_hours": None if device is None else visits * device * operations / p.device_speed / 3600,
        "server_hours": None if server is None else server * lm.joining(visits) / 3600,
        "epsilons": epsilons,
    }
