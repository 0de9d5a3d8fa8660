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
    "Epsilon of all rounds together, by user. A person's update is clipped at S = {clip:g}; the noise on the sum has "
    "standard deviation z S with z = {noise_multiplier:g}; {rounds:,} rounds of {cohort:,} persons. As the paper: "
    "cohorts of fixed size, with z against a sensitivity of S, at the paper's delta, N^-1.1. Ours, at delta = 1 / (10 "
    "N): cohorts of fixed size are compared by replacing a person's text, which moves the sum by 2 S, so the paper's "
    "figures are no bounds under that adjacency; under Poisson sampling a person's text is zeroed out, which moves the "
    "sum by S. The person's place stays, and N is public: it is not protected whether somebody is in the population. "
    "As the adjacencies differ, one epsilon does not stand in for the other. Every epsilon assumes that nobody learns "
    "who took part."
)


def table(epsilons: str | Path, paper: str | Path) -> Table:
    """One row an epsilon; `paper_epsilon` where the paper accounts for the same training in the same way.

    Args:
        epsilons: what privacy.accounting.by_population gives, as JSON.
        paper: report/dpfedavg/paper.csv.
    """
    frame = pd.DataFrame(read_json(epsilons))[COLUMNS]
    figures = read_table(paper, [*PAPER, "epsilon"]).rename(columns={"epsilon": "paper_epsilon"})
    frame = frame.merge(figures[[*PAPER, "paper_epsilon"]], how="left", on=PAPER)
    same = (frame["source"] == "as_paper") & (frame["accountant"] == "rdp_plain")
    frame["paper_epsilon"] = frame["paper_epsilon"].where(same)
    shown = show(frame, SHOWN, OWN)
    return Table("Epsilon of DP-FedAvg by population", NOTE.format(**frame.iloc[0]), frame, shown)
