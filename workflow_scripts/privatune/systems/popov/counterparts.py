"""Find our models that correspond to rows of Popov et al. (2018), which report/popov/paper.csv names."""

import pandas as pd

from privatune.report.verdicts import Tables

MANY_ROUNDS = "averaging 300 rounds"
CONTROL = "control"  # averaging on general text alone, which the paper does not have


def counterpart(tables: Tables, row: str) -> pd.DataFrame:
    """Return our evaluated model for a row of the paper, one row per replicate; it is empty if there is none.

    Among several scenarios it is the first, and among several rounds the last that at least two seeds have reached. For
    averaging over many rounds, this may be another round than the one that the row names.
    """
    models = tables["replicates"]
    if row == CONTROL:
        many = counterpart(tables, MANY_ROUNDS)
        averaged = models[models["round"].isin(many["round"]) & (models["clients_per_round"] > 1)]
        return _one_model(averaged[averaged["user_share"] == 0])
    rows = _one_model(models[models["paper"] == row])
    if row == MANY_ROUNDS and rows["seed"].nunique() == 1:
        chain = _one_model(models[models["scenario"] == rows["scenario"].iloc[0]])
        rows = chain if chain["seed"].nunique() > 1 and (chain["round"] > 1).all() else rows
    return rows


def _one_model(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the first scenario and its last round that at least two seeds have reached, or else any."""
    if rows.empty:
        return rows
    rows = rows[rows["scenario"] == rows["scenario"].iloc[0]]
    seeds = rows.groupby("round")["seed"].nunique()
    return rows[rows["round"] == max(seeds.index, key=lambda number: (seeds[number] > 1, number))]
