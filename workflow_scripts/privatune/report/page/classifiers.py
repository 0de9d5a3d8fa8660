"""What the sections of private sentence classifiers share; rows have the columns of the systems' tables of accuracy."""

import pandas as pd

from privatune.report.classifiers import labels
from privatune.report.columns import NOTHING, digits
from privatune.report.intervals import Interval
from privatune.report.page.charts import means
from privatune.report.page.said import Picture, number, spread

COLUMNS = "set label series value low high n steps".split()


def quality(row: pd.Series) -> Interval:
    """Return the accuracy of a row with its interval."""
    middle, low, high = (float(row[column]) for column in ("accuracy", "accuracy_low", "accuracy_high"))
    seeds = 0 if pd.isna(row["seeds"]) else int(row["seeds"])
    return Interval(middle, low, high, seeds, "" if pd.isna(row["sources"]) else str(row["sources"]))


def stated(row: pd.Series) -> str:
    """Return the epsilon of a row with its delta, in words.

    >>> stated(pd.Series({"epsilon": 1.99974, "delta": 2.4e-5})), stated(pd.Series({"epsilon": None, "delta": None}))
    ('epsilon 2 (delta 2.4e-05)', 'no noise')
    """
    if pd.isna(row["epsilon"]):
        return "no noise"
    return f"epsilon {digits(3)(row['epsilon'])} (delta {digits(2)(row['delta'])})"


def guarantee(row: pd.Series) -> str:
    """Return what is proved of a row."""
    return "nothing" if pd.isna(row["epsilon"]) else f"one sentence: {row['adjacency']}"


def picture(trained: pd.DataFrame) -> Picture:
    """Return the accuracies of all methods at all epsilons, a set at a time."""
    parts = []
    for _, of_set in trained.groupby("set", sort=False):
        called = labels(of_set)
        parts.append(of_set.assign(label=of_set["method"].map(called), series=of_set.apply(stated, axis=1)))
    frame = pd.concat(parts) if parts else trained.assign(label="", series="")
    names = {"accuracy": "value", "accuracy_low": "low", "accuracy_high": "high"}
    return Picture(
        means(frame.rename(columns=names)[COLUMNS], "accuracy, %", "series", ["n", "steps"], "set"),
        "Accuracy of every method at every epsilon with its 95 % interval. The table below has the figures.",
        "Bars are 95 % intervals over seeds and test sentences. Choose the set of sentences above the chart.",
    )


def cells(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows as a reader sees them, with answers that need no training."""
    return pd.DataFrame(
        {
            "method": list(rows["name"]),
            "set": list(rows["set"]),
            "noise": ["" if pd.isna(row["method"]) else stated(row) for _, row in rows.iterrows()],
            "steps": [NOTHING if pd.isna(steps) else number(steps, 0) for steps in rows["steps"]],
            "accuracy, %": [spread(quality(row)) for _, row in rows.iterrows()],
        }
    )
