"""What the system says on the page: private classifiers of sentences that are trained by forward passes alone."""

import math
from collections.abc import Iterator

import pandas as pd

from privatune.report.classifiers import labels
from privatune.report.page.classifiers import cells, guarantee, picture, quality, stated
from privatune.report.page.said import Model, Said, number, spread
from privatune.report.verdicts import Tables
from privatune.systems.dpzero.names import DPZERO, level

TITLE = "DPZero (Zhang et al. 2024)"
QUESTION = "how good is a private sentence classifier that is trained by forward passes alone?"
TABLES = {
    "dpzero_accuracy": (
        "set method name epsilon delta adjacency n steps accuracy accuracy_low accuracy_high seeds sources majority "
        "zero_shot bytes_per_step"
    ).split(),
    "memory": "method path parameters memory_over_inference seconds_over_inference".split(),
}


def said(tables: Tables) -> Said:
    """Name, for each set, the best private classifier and DPZero at each epsilon."""
    rows = tables["dpzero_accuracy"]
    trained = rows[rows["method"].notna()]
    models = [model for _, of_set in trained.groupby("set", sort=False) for model in _models(of_set)]
    sizes = [f"{number(of_set['n'].max(), 0)} of {name}" for name, of_set in trained.groupby("set", sort=False)]
    return Said(
        asked=f"Classifiers were trained on labelled sentences ({', '.join(sizes)}), each of which is protected by "
        "itself.",
        answer=" ".join([*_answers(trained), *_memory(tables["memory"])]),
        rule="The rule: for each set and epsilon, the private classifier with the highest mean accuracy on the test "
        "part, and DPZero with the fewest steps. Brackets hold 95 % intervals over seeds and test sentences. The best "
        "of several is chosen on the test part, so its figure is slightly too high.",
        pictures=[picture(trained)],
        table=cells(rows),
        caption="Accuracy on the test part in percent: means over seeds with 95 % intervals. An epsilon is for one "
        "sentence and one training, at its delta; the choice of the learning rate is outside it. Seeds are public "
        "unless `secure: true`, so these classifiers show the method and protect nobody.",
        models=models,
    )


def _models(rows: pd.DataFrame) -> Iterator[Model]:
    called = labels(rows)
    for _, row in rows.iterrows():
        private = not pd.isna(row["epsilon"])
        yield Model(
            f"dpzero: accuracy on {row['set']}, %",
            called[row["method"]] + ("" if private else ", without noise"),
            quality(row),
            "higher",
            guarantee(row),
            megabytes_up=float(row["bytes_per_step"] * row["steps"]) / 1e6,
            epsilon=float(row["epsilon"]),
            delta=float(row["delta"]),
        )


def _answers(trained: pd.DataFrame) -> Iterator[str]:
    for name, of_set in trained.groupby("set", sort=False):
        private = of_set[of_set["epsilon"].notna()]
        parts = []
        for _, rows in private.groupby(private["epsilon"].map(level), sort=True):
            best = rows.loc[rows["accuracy"].idxmax()]
            parts.append(f"at {stated(best)} {best['name']} is best with {spread(quality(best))} %")
            own = rows[rows["name"] == DPZERO].sort_values("steps", kind="stable").head(1)
            parts[-1] += "".join(f", and DPZero has {spread(quality(row))} %" for _, row in own.iterrows())
        first = of_set.iloc[0]
        yield f"On {name}, where {number(first['majority'])} % have the most frequent label: {'; '.join(parts)}."


def _memory(costs: pd.DataFrame) -> Iterator[str]:
    for path, rows in costs[costs["method"] == DPZERO].groupby("path"):
        whole = rows[rows["parameters"] == rows["parameters"].max()]["memory_over_inference"]
        if path == "in place" and not math.isnan(whole.median()):
            times = number(whole.median(), 2)
            yield f"A DPZero step of the whole model in place takes {times} times the memory of inference."
