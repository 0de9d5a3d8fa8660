"""What the system says on the page: private classifiers that are made smaller within one budget."""

from collections.abc import Iterator

import pandas as pd

from privatune.report.classifiers import labels
from privatune.report.page.classifiers import cells, guarantee, picture, quality, stated
from privatune.report.page.said import Model, Said, number, spread
from privatune.report.verdicts import Tables

TITLE = "Private compression (Mireshghallah et al. 2022)"
QUESTION = "how much smaller can a private classifier be, and what does that cost in accuracy?"
TABLES = {
    "dpcompress": (
        "set method name epsilon delta adjacency n steps accuracy accuracy_low accuracy_high seeds "
        "sources nonzero bytes_int8 seconds_int8"
    ).split()
}


def said(tables: Tables) -> Said:
    """Name, for each set and epsilon, the best of all classifiers and the best of those with fewer weights."""
    rows = tables["dpcompress"]
    trained = rows[rows["method"].notna()]
    return Said(
        asked="An encoder was fine-tuned on labelled sentences, each of which is protected by itself, and made "
        "smaller: blocks were dropped, weights were pruned, or a small model learned from a large one. All trainings "
        "of a method share one budget.",
        answer=" ".join(_answers(trained)),
        rule="The rule: for each set and epsilon, the private classifier with the highest mean accuracy on the test "
        "part, of all and of those that keep fewer weights than the largest. Brackets hold 95 % intervals over seeds "
        "and test sentences. The best of several is chosen on the test part, so its figure is slightly too high.",
        pictures=[picture(trained)],
        table=cells(rows).assign(
            **{"weights that are not zero": [_whole(count) for count in rows["nonzero"]]},
        ),
        caption="Accuracy on the test part in percent: means over seeds with 95 % intervals. An epsilon is for one "
        "sentence and for all private trainings of the method, at its delta; what was tuned is outside it. Seeds are "
        "public unless `secure: true`, so these classifiers show the methods and protect nobody.",
        models=[model for _, of_set in trained.groupby("set", sort=False) for model in _models(of_set)],
    )


def _whole(count: float) -> str:
    return "" if pd.isna(count) else number(count, 0)


def _answers(trained: pd.DataFrame) -> Iterator[str]:
    private = trained[trained["epsilon"].notna()]
    for (name, _), rows in private.groupby(["set", private["epsilon"].round(2)], sort=False):
        best = rows.loc[rows["accuracy"].idxmax()]
        smaller = rows[rows["nonzero"] < 0.999 * trained["nonzero"].max()]
        said = f"On {name} at {stated(best)}, {best['name']} is best with {spread(quality(best))} %"
        if len(smaller):
            small = smaller.loc[smaller["accuracy"].idxmax()]
            share = 100 * small["nonzero"] / trained["nonzero"].max()
            said += f"; of those with fewer weights it is {small['name']}, with {spread(quality(small))} % and "
            said += f"{number(share, 0)} % of the weights"
        yield f"{said}."


def _models(rows: pd.DataFrame) -> Iterator[Model]:
    called = labels(rows)
    for _, row in rows.iterrows():
        private = not pd.isna(row["epsilon"])
        yield Model(
            f"dpcompress: accuracy on {row['set']}, %",
            called[row["method"]] + ("" if private else ", without noise"),
            quality(row),
            "higher",
            guarantee(row),
            seconds=float(row["seconds_int8"]),
            stored_mb=float(row["bytes_int8"]) / 1e6,
            epsilon=float(row["epsilon"]),
            delta=float(row["delta"]),
        )
