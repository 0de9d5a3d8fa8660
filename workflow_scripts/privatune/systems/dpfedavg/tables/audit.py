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
    "Upper: epsilon as the accountant proves it of the audited mechanism, the variant's with canaries for its persons, "
    "at a delta that the audit can bear (its terms are in the CSV). Lower: what one run of an attack shows, each bound "
    "with its confidence by itself. Most: the largest bound that so many guesses allow, all of them right; above it an "
    "audit says nothing. A lower bound above the upper one would contradict the proof or the code; below it the "
    "mechanism may still be wrong. The estimate is no bound: it takes what the attack sees for two Gaussians, and from "
    "few canaries comes out high."
)


def table(audits: Sequence[str | Path]) -> Table:
    """One row an audited variant; from files of `audit`, of which there are none where nothing has noise."""
    frame = pd.DataFrame([_row(read_json(path)) for path in audits], columns=COLUMNS)
    shown = show(frame, SHOWN, OWN)
    return Table("Audit of DP-FedAvg", NOTE, frame, shown)


def _row(audit: dict) -> dict:
    stated = audit["guarantee"]
    row = {"scenario": audit["variant"], "epsilon_upper": stated["epsilon"], **stated, **audit}
    return row | {"contradicted": row["epsilon_lower"] > row["epsilon_upper"]}
