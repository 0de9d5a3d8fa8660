"""Which of our models stands for a row of Popov et al. (2018), as report/popov/paper.csv names them."""

import pandas as pd

from privatune.report.verdicts import Tables

MANY_ROUNDS = "averaging 300 rounds"
CONTROL = "control"  # averaging on general text alone; the paper has none


def counterpart(tables: Tables, row: str) -> pd.DataFrame:
    """Our evaluated model that stands for a row of the paper, one line a replicate; empty where there is none.

    Of several scenarios it is the first, of several rounds the last that two seeds or more have reached; for averaging
    over many rounds that may be another than the one named.
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
    """Those of the first scenario, and of the last round that two seeds or more have reached, or else any."""
    if rows.empty:
        return rows
    rows = rows[rows["scenario"] == rows["scenario"].iloc[0]]
    seeds = rows.groupby("round")["seed"].nunique()
    return rows[rows["round"] == max(seeds.index, key=lambda number: (seeds[number] > 1, number))]
