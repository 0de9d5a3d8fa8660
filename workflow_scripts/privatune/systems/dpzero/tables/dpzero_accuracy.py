"""The table `dpzero_accuracy`: the accuracy of each method at each epsilon, with its interval."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.report.classifiers import distinct, untrained
from privatune.report.columns import show
from privatune.report.frames import Table, read_table
from privatune.report.intervals import UNKNOWN, difference, mean, with_ends
from privatune.systems.dpzero.columns import OWN
from privatune.systems.dpzero.groups import twin
from privatune.systems.dpzero.names import level
from privatune.systems.dpzero.tables.dpzero import COLUMNS as READ

TERMS = "scope head step optimiser directions noised epsilon delta adjacency n batch steps forwards".split()
COSTS = ["bytes_per_step"]
BASES = ["majority", "zero_shot"]
COLUMNS = [
    *["set", "method", "name", *TERMS, "accuracy", "accuracy_low", "accuracy_high", "seeds", "sources"],
    *[*BASES, "gain", "gain_low", "gain_high", "largest_change", *COSTS],
]
SHOWN = (
    "set method name epsilon delta accuracy accuracy_low accuracy_high seeds majority zero_shot gain gain_low "
    "gain_high largest_change batch steps forwards bytes_per_step"
).split()
NOTE = (
    "Accuracy on the test part: the mean over seeds, with its 95 % interval, which covers both the seeds and the "
    "choice of test sentences. All classifiers of a set are measured on the same sentences. Where all seeds give one "
    "and the same classifier, as gradient descent without noise does, it counts once. Epsilon is for one labelled "
    "sentence and one training, at the delta in its row; adjacency and accountant are in the table dpzero. Zero out "
    "one: a sentence is compared with nothing in its place, and n is public. Replace one: a sentence is compared with "
    "another. Where there is no epsilon, there is no noise. Minus the non-private twin: the difference from the same "
    "training without clip and noise, with the rate that is best for it, paired by seed and by sentence. Majority "
    "class: the accuracy of always answering one class, the most frequent one. Zero-shot: that of the closest label "
    "phrase, without training. Largest change of a weight: the least over seeds. Payload per step: what a client would "
    "send of one step in federated training: each trained weight in four bytes or, for steps by forward passes whose "
    "noise is on the scalars, eight bytes of seed and four per direction. Learning rate and clip were chosen on the "
    "validation part, outside the budget: no epsilon covers that choice. Seeds are public unless `secure: true`, so "
    "these figures show the methods and protect nobody."
)


def table(models: str | Path) -> Table:
    """One row per set, method and epsilon, below rows for the majority class and zero-shot; from the table `dpzero`."""
    rows = read_table(models, [*READ, "name"])
    made = [row for _, of_set in rows.groupby("set", sort=False) for row in _of_set(of_set)]
    frame = pd.DataFrame(made, columns=COLUMNS)
    shown = show(frame, SHOWN, OWN)
    return Table("Accuracy of private sentence classifiers", NOTE, frame, shown)


def _of_set(rows: pd.DataFrame) -> Iterator[dict[str, Any]]:
    first = rows.iloc[0]
    for name, accuracy in untrained(rows).items():
        yield {"set": first["set"], "name": name, "accuracy": accuracy, **first[BASES]}
    for _, of_method in rows.groupby("method", sort=False):
        levels = of_method["epsilon"].map(level)
        for _, group in of_method.groupby(-levels.fillna(math.inf)):
            yield _row(rows, group)


def _row(models: pd.DataFrame, group: pd.DataFrame) -> dict[str, Any]:
    own, first = mean(distinct(group), "accuracy"), group.iloc[0]
    gain = UNKNOWN
    if not math.isnan(first["epsilon"]):
        gain = difference(distinct(group), distinct(twin(models, group)), "accuracy")
    return {
        **first[["set", "method", "name", *TERMS, *BASES, *COSTS]],
        **with_ends("accuracy", own),
        **with_ends("gain", gain),
        "seeds": own.n,
        "sources": own.sources,
        "largest_change": group["largest_change"].min(),
    }
