"""The table `exported`: sizes and latencies of exported classifiers, and what export changes."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.report.columns import Column, decimals, show, spread
from privatune.report.frames import Table, read_records
from privatune.systems.dpcompress.columns import OWN, milliseconds

ABOUT = (
    "set method target seed blocks parameters nonzero bytes_safetensors bytes_sparse bytes_onnx bytes_int8 threads "
    "logit_difference accuracy_torch accuracy_onnx accuracy_int8"
).split()
SECONDS = {"seconds_torch": "torch", "seconds_onnx": "onnx", "seconds_int8": "int8"}
COLUMNS = [*ABOUT, "repeat", *SECONDS]
SHOWN = (
    "set method target seed blocks parameters nonzero bytes_safetensors bytes_sparse bytes_onnx bytes_int8 "
    "seconds_torch seconds_onnx seconds_int8 threads repeats logit_difference accuracy_torch accuracy_onnx "
    "accuracy_int8"
).split()
HERE = {
    "parameters": Column("weights", decimals(0)),
    "seconds_torch": Column("PyTorch: ms per sentence, with range"),
    "seconds_onnx": Column("ONNX: ms per sentence, with range"),
    "seconds_int8": Column("int8: ms per sentence, with range"),
}
NOTE = (
    "Classifiers of one seed, exported to ONNX as float32 and as int8 (8 bits per weight). The delta of each target "
    "epsilon, which is for one labelled sentence, is in the table dpcompress. Weights are all those of the classifier, "
    "with its embeddings. MB are 10^6 bytes. float32: all weights in a safetensors file. Stored sparse: for a sparse "
    "classifier, a file with one bit per weight of each sparse matrix and the weights that are not zero. A sparse "
    "classifier computes all products, so no speed is claimed of it. Milliseconds per sentence are for one sentence at "
    "a time; shown is the median over repeats, with the least and the largest in brackets. Measured times differ from "
    "run to run and from machine to machine. The largest difference of a logit is that between ONNX float32 and "
    "PyTorch over the test part. The CSV has one row per repeat."
)


def table(measured: Sequence[str | Path]) -> Table:
    """One row per exported classifier and repeat, in the order of the files; shown are medians.

    Args:
        measured: files `measured.json`.
    """
    held = read_records(measured, [*ABOUT, "seconds"]).to_dict("records")
    frame = pd.DataFrame([row for record in held for row in _repeats(record)], columns=COLUMNS)
    rows = []
    for _, of_model in frame.groupby(["set", "method", "target"], sort=False):
        cells = {key: spread(of_model[key].astype(float), milliseconds) for key in SECONDS}
        rows.append({**of_model.iloc[0][ABOUT], **cells, "repeats": len(of_model)})
    shown = show(pd.DataFrame(rows, columns=SHOWN), SHOWN, OWN | HERE)
    return Table("Exported classifiers", NOTE, frame, shown)


def _repeats(record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    about = {name: record[name] for name in ABOUT}
    for number, seconds in enumerate(zip(*(record["seconds"][name] for name in SECONDS.values()), strict=True)):
        yield about | {"repeat": number, **dict(zip(SECONDS, seconds, strict=True))}
