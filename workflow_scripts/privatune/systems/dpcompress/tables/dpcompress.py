"""The table `dpcompress`: accuracy, size and latency of each method at each epsilon, with intervals."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.report.classifiers import distinct, untrained
from privatune.report.columns import Column, decimals, show
from privatune.report.frames import Table, read_table
from privatune.report.intervals import UNKNOWN, difference, mean, with_ends
from privatune.systems.dpcompress.columns import OWN
from privatune.systems.dpcompress.names import count, full_model
from privatune.systems.dpcompress.tables.dpcompress_models import COLUMNS as READ
from privatune.systems.dpcompress.tables.exported import COLUMNS as READ_EXPORTED

TERMS = (
    "kind blocks trained_blocks kept sparsity mask start target epsilon delta adjacency n batch phases steps".split()
)
BASES = ["majority", "zero_shot"]
WEIGHTS = ["parameters", "nonzero"]
SIZES = "bytes_safetensors bytes_sparse bytes_onnx bytes_int8".split()
SECONDS = "seconds_torch seconds_onnx seconds_int8".split()
EXPORTED = ["accuracy_torch", "accuracy_int8"]
COLUMNS = [
    *["set", "method", "name", *TERMS, "accuracy", "accuracy_low", "accuracy_high", "seeds", "sources", *BASES],
    *"gain gain_low gain_high behind behind_low behind_high largest_change".split(),
    *[*WEIGHTS, *SIZES, *(f"{key}{end}" for key in SECONDS for end in ("", "_low", "_high")), *EXPORTED],
]
SHOWN = (
    "set method name epsilon delta accuracy accuracy_low accuracy_high seeds gain gain_low gain_high behind behind_low "
    "behind_high majority zero_shot blocks trained_blocks sparsity mask start phases steps parameters nonzero "
    "bytes_safetensors bytes_sparse bytes_int8 seconds_torch seconds_onnx seconds_int8"
).split()
HERE = {"parameters": Column("weights", decimals(0))}
NOTE = (
    "Accuracy on the test part: the mean over seeds, with its 95 % interval, which covers both the seeds and the "
    "choice of test sentences. All classifiers are measured on the same sentences. Where all seeds give one and the "
    "same classifier, it counts once. Epsilon is for one labelled sentence and for all private trainings of a method "
    "together, at the delta in its row; accountant and adjacency are in the table dpcompress_models, and what each "
    "training costs is in ledger_dpcompress, whose plain sum of epsilons is only for comparison. Zero out one: a "
    "sentence is compared with nothing in its place, and n is public. Replace one: a sentence is compared with "
    "another. Where there is no epsilon, there is neither clip nor noise. What was tuned on the validation part was "
    "tuned outside the budget: no epsilon covers that choice. Seeds are public unless `secure: true`, so these figures "
    "show the methods and protect nobody. Minus the non-private twin: the difference from the same method without "
    "clip and noise. Minus the full model: the difference from the fine-tuning of all blocks at the same epsilon and "
    "delta. Both are paired by seed and by sentence. Majority class: the accuracy of always answering one class. "
    "Zero-shot: that of the closest label phrase, without training. {half} Sparse classifiers are stored sparse, but "
    "compute all products, so no speed is claimed of them. The random mask and the public mask keep as many weights "
    "of each matrix as pruning the published weights by their magnitude over all trained matrices together does. "
    "Random weights: the trained blocks start at weights drawn as those of BERT were before its training; the "
    "embeddings and all other blocks start as published. Public distillation has its student learn from a finished "
    "model of another method, on the sentences of another set without their labels, which are public text; its whole "
    "budget is the teacher's. Sizes and milliseconds are those of the exported classifiers, all of one seed: MB are "
    "10^6 bytes, and milliseconds are medians (table exported)."
)
HALF = "Half of a model means half of its blocks, and not of its weights, since all embeddings stay"


def table(models: str | Path, exported: str | Path) -> Table:
    """One row per set, method and epsilon, below rows for the majority class and zero-shot.

    Args:
        models, exported: the tables `dpcompress_models` and `exported`.
    """
    rows = read_table(models, [*READ, "name", "kept"])
    measured = read_table(exported, READ_EXPORTED)
    made = [row for _, of_set in rows.groupby("set", sort=False) for row in _of_set(of_set, measured)]
    frame = pd.DataFrame(made, columns=COLUMNS)
    shown = show(frame, SHOWN, OWN | HERE)
    return Table("Accuracy and size of compressed classifiers", NOTE.format(half=_half(frame)), frame, shown)


def _of_set(rows: pd.DataFrame, measured: pd.DataFrame) -> Iterator[dict[str, Any]]:
    first = rows.iloc[0]
    for name, accuracy in untrained(rows).items():
        yield {"set": first["set"], "name": name, "accuracy": accuracy, **first[BASES]}
    for _, of_method in rows.groupby("method", sort=False):
        # without noise first, then from the largest epsilon to the smallest
        for _, group in of_method.groupby(-of_method["target"].fillna(math.inf)):
            yield _row(rows, group) | _exported(measured, group)


def _row(models: pd.DataFrame, group: pd.DataFrame) -> dict[str, Any]:
    first, own = group.iloc[0], distinct(group)
    accuracy, gain, behind = mean(own, "accuracy"), UNKNOWN, UNKNOWN
    at_level = models[models["target"].eq(first["target"]) | (models["target"].isna() & pd.isna(first["target"]))]
    if not pd.isna(first["target"]):
        twin = models[models["target"].isna() & (models["method"] == first["method"])]
        gain = difference(own, distinct(twin), "accuracy")
    full = full_model(at_level)
    if first["method"] not in set(full["method"]):
        behind = difference(own, distinct(full), "accuracy")
    return {
        **first[["set", "method", "name", *TERMS, *BASES, *WEIGHTS]],
        **with_ends("accuracy", accuracy),
        **with_ends("gain", gain),
        **with_ends("behind", behind),
        "seeds": accuracy.n,
        "sources": accuracy.sources,
        "largest_change": group["largest_change"].min(),
    }


def _exported(measured: pd.DataFrame, group: pd.DataFrame) -> dict[str, Any]:
    """Return size and latency of the exported classifier of these rows; nothing if none was exported."""
    found = measured.merge(group.head(1)[["set", "method", "target"]])
    if found.empty:
        return {}
    seconds = {key: found[key].astype(float) for key in SECONDS}
    return {
        **found.iloc[0][[*SIZES, *EXPORTED]],
        **{key: values.median() for key, values in seconds.items()},
        **{f"{key}_low": values.min() for key, values in seconds.items()},
        **{f"{key}_high": values.max() for key, values in seconds.items()},
    }


def _half(frame: pd.DataFrame) -> str:
    """Say what half the blocks are in weights, if the table has such a model."""
    dense = frame[frame["sparsity"].eq(0)]
    full, half = dense[dense["kept"] == 1].head(1), dense[dense["kept"] == 0.5].head(1)
    if full.empty or half.empty:
        return f"{HALF}."
    fewer = 1 - half["parameters"].iloc[0] / full["parameters"].iloc[0]
    blocks = [count(rows["blocks"].iloc[0]) for rows in (half, full)]
    return f"{HALF}: {blocks[0]} of {blocks[1]} blocks have {100 * fewer:.0f} % fewer weights."
