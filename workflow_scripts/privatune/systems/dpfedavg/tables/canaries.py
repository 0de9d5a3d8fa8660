"""The table `canaries`: how well each model knows each sentence that was planted."""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from privatune.core.files import read_json
from privatune.report.columns import Column, decimals, show
from privatune.report.frames import Table
from privatune.systems.dpfedavg.columns import OWN
from privatune.systems.dpfedavg.extraction import CHANCE

CANARY = "seed n_users n_copies canary".split()
COLUMNS = (
    "scenario seed carried n_users n_copies canary visits rank references exposure low high chance unseen beyond "
    "beam_found"
).split()
SHOWN = "scenario seed n_users n_copies canary visits rank exposure low high chance unseen beyond beam_found".split()
HERE = {"low": Column("exposure, bits: low", decimals(1)), "high": Column("exposure, bits: high", decimals(1))}
NOTE = (
    "A canary is five random words. Its exposure is log2(references) - log2(rank), in bits; its rank is its place "
    "among random continuations of its first two words. The low and high exposures are a 95 % interval: they follow "
    "from the interval for the share of all continuations that are at least as likely. With {references:,} references "
    "no exposure is above {most:.1f}. A canary that a model never saw has an exposure of {chance:.2f} bits by chance, "
    "with a standard deviation of {chance:.2f}. The exposure if never seen is that of the same canary in the variant "
    "{unseen}, and the exposure beyond never seen is the difference from it. Visits are how often persons who carry "
    "the canary took part in a round; a model can know nothing of a canary without visits. The carriers are synthetic, "
    "so visits are no secret. The cohort of real persons is drawn apart from them and stays secret. Found: a beam "
    "search of width 5 from the first two words gives the canary."
)


def table(measures: Sequence[str | Path]) -> Table:
    """One row per canary and model; from files of `measure_dp`."""
    rows = []
    for path in measures:
        model = read_json(path)
        rows += [
            {"scenario": model["variant"], "seed": model["seed"], "carried": model["carriers"], **row}
            for row in model["canaries"]
        ]
    frame, unseen = _beside_the_unseen(pd.DataFrame(rows))
    shown = show(frame, SHOWN, OWN | HERE)
    references = int(frame["references"].max())
    note = NOTE.format(references=references, most=math.log2(references), chance=CHANCE, unseen=unseen)
    return Table("What models memorize", note, frame, shown)


def _beside_the_unseen(rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The rows with the exposure of the same canary in the first variant that nobody carries one in, and its name."""
    never = rows[~rows["carried"].astype(bool)]
    never = never[never["scenario"] == (never["scenario"].iloc[0] if len(never) else None)]
    values = never.set_index(CANARY)["exposure"].rename("unseen")
    rows = rows.join(values, on=CANARY).assign(chance=CHANCE)
    rows["unseen"] = rows["unseen"].where(rows["carried"].astype(bool))
    rows["beyond"] = rows["exposure"] - rows["unseen"]
    name = str(never["scenario"].iloc[0]) if len(never) else "without carriers, which this table does not have"
    return rows[COLUMNS], name
