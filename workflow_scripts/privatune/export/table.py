"""The table `export`: exported models before and after quantisation."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import pandas as pd

from privatune.export.folder import read_about
from privatune.report.columns import Column, digits, show
from privatune.report.frames import Table

FORMS = ("float32", "int8")
MEASURES = "ppl_general ppl_user kss_general kss_user recall1_user recall3_user accuracy".split()
COLUMNS = [
    *"name kind system scenario variant method set seed round parameters vocabulary precision bytes".split(),
    *"seconds seconds_low seconds_high seconds_torch repeats threads".split(),
    *MEASURES,
    *"logit_difference epsilon delta secure".split(),
]
SHOWN = [
    *"name precision bytes milliseconds ppl_general ppl_user kss_general kss_user accuracy".split(),
    *"logit_difference epsilon delta".split(),
]
OWN = {
    "name": Column("model"),
    "bytes": Column("MB", lambda size: f"{size / 1e6:,.2f}"),
    "milliseconds": Column("ms per word or sentence, with range"),
    "logit_difference": Column("largest difference of a logit", digits(2)),
}
NOTE = (
    "Models as other programs can use them, in ONNX as float32 and as int8 (8 bits per weight). Language models "
    "are measured on the same samples of text before and after quantisation: perplexity of words, and the share of "
    "keystrokes that three suggestions save. User text is of persons who never trained. With int8 every text is read "
    "word by word, as in use. Classifiers have an accuracy on the test part of their sentences. MB are 10^6 bytes. "
    "Milliseconds are for one word of a language model, or one sentence of a classifier, at a time; shown is the "
    "median over repeats, with the least and the largest in brackets. They differ from run to run and from machine to "
    "machine. The CSV has the same in PyTorch, and the number of threads. The difference of a logit is that between "
    "ONNX float32 and PyTorch. Epsilon, at the delta in its row, is that of this model alone; where there is none, "
    "nothing is claimed. The general model saw no private text. `secure` says in the CSV whether seeds were secret: "
    "with public seeds a model shows the method and protects nobody."
)


def table(models: Sequence[str | Path]) -> Table:
    """Two rows per exported model, in the order of the files.

    Args:
        models: files `about.json`, each beside its SHA256SUMS.
    """
    rows = [row for path in models for row in _rows(read_about(Path(path).parent))]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    whole = dict.fromkeys(("seed", "round", "parameters", "vocabulary", "bytes", "repeats", "threads"), "Int64")
    shown = frame.assign(milliseconds=[_spread(row) for row in rows])
    return Table("Exported models", NOTE, frame.astype(whole), show(shown, SHOWN, OWN))


def _rows(about: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    for form in FORMS:
        times = about["seconds"][form]
        yield {
            **{key: about[key] for key in ("name", "kind", "parameters", "vocabulary", "threads", "epsilon", "delta")},
            **about["training"],
            "precision": form,
            "bytes": about["bytes"][form],
            "seconds": median(times),
            "seconds_low": min(times),
            "seconds_high": max(times),
            "seconds_torch": median(about["seconds"]["torch"]),
            "repeats": len(times),
            **about["measures"][form],
            "logit_difference": about["logit_difference"] if form == "float32" else None,
            "secure": (about["guarantee"] or {}).get("secure"),
        }


def _spread(row: Mapping[str, Any]) -> str:
    middle, low, high = (f"{1000 * row[key]:.3g}" for key in ("seconds", "seconds_low", "seconds_high"))
    return f"{middle} ({low} to {high})"
