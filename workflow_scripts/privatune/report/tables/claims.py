"""Which claims of a paper hold on our data, each by a rule that the table states."""

import math
from importlib import import_module
from pathlib import Path

import pandas as pd

from privatune.report.columns import show
from privatune.report.frames import Table, read_table
from privatune.report.multiplicity import CHANCE, holm, p_value
from privatune.report.verdicts import UNDECIDED, verdict

COLUMNS = "system claim paper ours low high rule verdict unit n needed recalled sources p p_holm verdict_holm".split()
SHOWN = "system claim unit paper ours low high n needed sources verdict p verdict_holm rule".split()
NOTE = (
    "ours: low and ours: high are the ends of a 95 % interval, which for a ratio is computed on its logarithm. Values "
    "that are compared are paired by seed and by text. Sources says what the interval covers. Seeds: what each of n "
    "replicates draws, such as the devices that take part. Text: which persons, documents or sentences were "
    "sampled to measure on, by a bootstrap over them. Trials: a share of n trials, with its exact interval. With "
    "fewer than two replicates, or with replicates that do not differ, a claim is undecided, whatever the text says. "
    "No interval covers what all replicates share, such as one general model. p is the smallest share of wrong "
    "intervals at which the rule still decides. {judged} claims have a p. Each is judged at 95 %, so up to "
    "{wrong:.1f} of their verdicts are expected to be wrong by chance. The verdicts after Holm hold together for all "
    "claims of a paper: with 95 % confidence none of them is wrong. n needed is about how many replicates would "
    "decide an undecided claim if their mean and spread were those of the n at hand and the text were the same. It is "
    "empty where 10,000 would be too few, because the error of the text remains and only more text to measure on "
    "would help, or where the n at hand allow no estimate."
)


def table(system: str, **files: str | Path) -> Table:
    """Judge the claims of a system.

    Args:
        system: of privatune.systems. Its module `claims` has `SYSTEM` (its name for readers), `TABLES` (the columns
            that its claims read, by table), and the functions `claims` and `note` (what their reader has to know) of
            these tables.
        files: the tables, by name.
    """
    part = import_module(f"privatune.systems.{system}.claims")
    tables = {name: read_table(files[name], columns) for name, columns in part.TABLES.items()}
    rows = []
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
                "sources": ours.sources or None,
                "p": p_value(claim.rule, ours, paper),
            }
        )
    frame = _together(pd.DataFrame(rows, columns=COLUMNS))
    count = int(frame["p"].notna().sum())
    notes = [NOTE.format(judged=count, wrong=CHANCE * count), part.note(tables)]
    if frame["recalled"].any():
        notes.append("Recalled: known from memory and not read in the paper's text.")
    return Table("Claims", " ".join(notes), frame, shown(frame))


def _together(claims: pd.DataFrame) -> pd.DataFrame:
    """The claims of one paper with the verdicts that hold for all of them at once; those without a p keep theirs."""
    adjusted = pd.Series(holm(claims["p"]), claims.index, float)
    return claims.assign(p_holm=adjusted, verdict_holm=claims["verdict"].mask(adjusted > CHANCE, UNDECIDED))


def shown(frame: pd.DataFrame) -> pd.DataFrame:
    """Claims as a reader sees them."""
    cells = show(frame, SHOWN)
    mark = " (recalled)"  # without it the claim and its figure look as if they were read in the paper
    recalled = frame["recalled"].astype(bool)
    for column, marked in (("claim", recalled), ("paper", recalled & frame["paper"].notna())):
        cells[column] = cells[column].where(~marked, cells[column].astype(str) + mark)
    return cells
