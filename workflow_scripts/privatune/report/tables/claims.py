"""Which claims of a paper hold on our data, each by a rule that the table states."""

import math
from importlib import import_module
from pathlib import Path

import pandas as pd

from privatune.report.frames import Table, decimals, read_table, show
from privatune.report.verdicts import UNDECIDED, verdict

COLUMNS = "system claim paper ours low high rule verdict unit n needed recalled".split()


def table(system: str, **files: str | Path) -> Table:
    """Judge the claims of a system.

    Args:
        system: of privatune.systems. Its module `claims` has `SYSTEM` (its name for readers), `TABLES` (the columns
            that its claims read, by table), and the functions `claims` and `note` (what their reader has to know) of
            these tables.
        files: the tables, by name.
    """
    rows, notes = [], []
    for part in [import_module(f"privatune.systems.{system}.claims")]:
        tables = {name: read_table(files[name], columns) for name, columns in part.TABLES.items()}
        notes.append(part.note(tables))
        for claim in part.claims(tables):
            ours, paper = claim.ours(tables), claim.paper(tables)
            said = verdict(claim.rule, ours, paper)
            rows.append(
                {
                    "system": part.SYSTEM,
                    "claim": claim.text,
                    "paper": paper,
                    "ours": ours.middle,
                    "low": ours.low,
                    "high": ours.high,
                    "rule": claim.rule.text,
                    "verdict": said,
                    "unit": claim.unit,
                    "n": ours.n,
                    "needed": claim.needed(claim.rule, ours, paper) if said == UNDECIDED else math.nan,
                    "recalled": claim.recalled,
                }
            )
    frame = pd.DataFrame(rows, columns=COLUMNS)
    note = (
        "Low, high: 95 % t-interval over n replicates, of ratios by their logarithms; what is compared is paired by "
        "seed. With fewer than two replicates, or replicates without a spread, a claim is undecided. n needed: about "
        "how many replicates would decide an undecided claim, were their mean and spread s those of the n at hand: the "
        "least n with t(n - 1) s / sqrt(n) below the distance from the mean to the rule's edge; null where 10,000 are "
        "too few. The replicates share one general model and one sample of text, so the intervals cover which devices "
        "took part, nothing else."
    )
    if frame["recalled"].any():
        notes.append("Recalled: known from memory, not read in the paper's text.")
    return Table("Claims", " ".join([note, *notes]), frame, shown(frame))


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Claims as a reader sees them."""
    number = decimals(2)
    cells = show(
        frame,
        {
            "system": ("system", str),
            "claim": ("claim", str),
            "unit": ("unit", str),
            "paper": ("paper", number),
            "ours": ("ours", number),
            "low": ("low", number),
            "high": ("high", number),
            "n": ("n", str),
            "needed": ("n needed", decimals(0)),
            "verdict": ("verdict", str),
            "rule": ("rule", str),
        },
    )
    mark = " (recalled)"  # beside the claim and beside its figure, which else look like what was read
    recalled = frame["recalled"].astype(bool)
    cells.loc[recalled, "claim"] += mark
    cells.loc[recalled & frame["paper"].notna(), "paper"] += mark
    return cells
