"""The table `audit`: what an attack shows of each epsilon, beside what is proved."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from privatune.core.files import read_json
from privatune.report.columns import show
from privatune.report.frames import Table
from privatune.systems.dpfedavg.columns import OWN

COLUMNS = [
    *"scenario seed epsilon_upper epsilon_lower confidence epsilon_largest epsilon_estimate contradicted".split(),
    *"canaries guesses right delta accountant unit adjacency sensitivity sampling".split(),
    *"population cohort q rounds noise_multiplier clip".split(),
]
SHOWN = (
    "scenario noise_multiplier delta accountant epsilon_upper epsilon_lower confidence canaries guesses right "
    "epsilon_largest epsilon_estimate contradicted"
).split()
NOTE = (
    "Upper bound: the epsilon that the accountant proves of the audited mechanism, which is the variant's with "
    "canaries in place of its persons, at a delta that an audit can work with. The CSV has its other terms. Lower "
    "bound: what one run of an attack shows; each bound holds with its confidence by itself. Largest possible lower "
    "bound: the bound if all guesses were right. The audit says nothing about epsilons above it. A lower bound above "
    "the upper bound would contradict the proof or the code; one below it does not show that the mechanism is correct. "
    "The estimated epsilon is not a bound: it assumes that what the attack sees follows two Gaussian distributions, "
    "and from few canaries it is too high."
)


def table(audits: Sequence[str | Path]) -> Table:
    """One row per audited variant; from files of `audit`. There are none if no variant has noise."""
    frame = pd.DataFrame([_row(read_json(path)) for path in audits], columns=COLUMNS)
    shown = show(frame, SHOWN, OWN)
    return Table("Audit of DP-FedAvg", NOTE, frame, shown)


def _row(audit: dict) -> dict:
    stated = audit["guarantee"]
    row = {"scenario": audit["variant"], "epsilon_upper": stated["epsilon"], **stated, **audit}
    return row | {"contradicted": row["epsilon_lower"] > row["epsilon_upper"]}
