"""The table `accounting`: epsilon of DP-FedAvg by population, beside the figures of Ramaswamy et al. (2020)."""

from pathlib import Path

import pandas as pd

from privatune.core.files import read_json
from privatune.report.columns import show
from privatune.report.frames import Table, read_table
from privatune.systems.dpfedavg.columns import OWN

COLUMNS = [
    *"source unit adjacency sensitivity sampling population cohort q rounds".split(),
    *"noise_multiplier clip delta accountant epsilon".split(),
]
PAPER = "population cohort rounds noise_multiplier".split()
SHOWN = "source unit adjacency sensitivity sampling q population delta accountant epsilon paper_epsilon".split()
NOTE = (
    "Epsilon is user-level, for all rounds together. A person's update is clipped at S = {clip:g}. The noise on the "
    "sum has a standard deviation of z S, with z = {noise_multiplier:g}. There are {rounds:,} rounds of {cohort:,} "
    "persons. As the paper: cohorts of fixed size, z relative to a sensitivity of S, and the paper's delta, N^-1.1. "
    "Ours: delta = 1 / (10 N). With cohorts of fixed size one person's text is replaced by another's, which moves the "
    "sum by 2 S, so the paper's figures are no bounds under that adjacency. With Poisson sampling one person's text is "
    "zeroed out, which moves the sum by S. The person's place remains and N is public, so it is not protected whether "
    "somebody is in the population. The two adjacencies differ, so one epsilon cannot replace the other. Every epsilon "
    "assumes that nobody learns who took part."
)


def table(epsilons: str | Path, paper: str | Path) -> Table:
    """One row per epsilon; `paper_epsilon` is given where the paper accounts for the same training in the same way.

    Args:
        epsilons: what systems.dpfedavg.accounting.by_population gives, as JSON.
        paper: report/dpfedavg/paper.csv.
    """
    frame = pd.DataFrame(read_json(epsilons))[COLUMNS]
    figures = read_table(paper, [*PAPER, "epsilon"]).rename(columns={"epsilon": "paper_epsilon"})
    frame = frame.merge(figures[[*PAPER, "paper_epsilon"]], how="left", on=PAPER)
    same = (frame["source"] == "as_paper") & (frame["accountant"] == "rdp_plain")
    frame["paper_epsilon"] = frame["paper_epsilon"].where(same)
    shown = show(frame, SHOWN, OWN)
    return Table("Epsilon of DP-FedAvg by population", NOTE.format(**frame.iloc[0]), frame, shown)
