"""Compute the epsilon of the same training for populations of several sizes, without running it."""

from typing import Any

from privatune.privacy.accounting import default_delta, guarantee, paper_delta
from privatune.privacy.composition import Accountant
from privatune.privacy.mechanism import Mechanism, Sampling
from privatune.privacy.settings import ScaleSettings


def by_population(s: ScaleSettings) -> list[dict[str, Any]]:
    """Return the rows of the table `accounting`: the epsilon of the same training for populations of several sizes.

    The paper's rows have fixed-size cohorts with sensitivity S and its delta, N^-1.1, by its conversion and by the
    tighter one. Our rows have delta 1 / (10 N): fixed-size cohorts with sensitivity 2 S, since a person's text is
    replaced, and Poisson cohorts.
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
