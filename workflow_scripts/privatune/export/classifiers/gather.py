"""Gather a classifier that a system has exported and measured into a folder like those of language models."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import onnx
from tokenizers import Tokenizer

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json
from privatune.core.tensors import read_bytes
from privatune.export.card import card
from privatune.export.folder import write_folder
from privatune.export.provenance import source

FORMS = {"float32": "onnx", "int8": "int8"}  # of a model, and how the system's record calls it


class Files(NamedTuple):
    """The files that a job reads."""

    onnx: str | Path
    int8: str | Path
    tokenizer: str | Path
    measured: str | Path  # what the system has measured of the exported model
    classifiers: str | Path  # what it has measured and proved of the trained ones, one record per seed
    private: str | Path  # the manifest of the private sentences
    public: Sequence[str | Path]  # the manifests of public sentences that it learned from


def gather(files: Files, name: str, trained: Mapping[str, str], secure: bool, folder: str | Path) -> None:
    """Write the folder of an exported classifier.

    Args:
        files: what is read.
        name: the name of the model.
        trained: the `system` that trained it, and the `encoder`, an entry of the configuration, that it was made from.
        secure: whether its noise has seeds from the operating system.
        folder: where the files go; see `run.export`.

    Raises:
        PrivatuneError: a file is damaged, or there is no record of the model's training.
    """
    measured = read_json(files.measured)
    rows = [row for row in read_json(files.classifiers) if row["seed"] == measured["seed"]]
    if not rows:
        raise PrivatuneError(f"{files.classifiers}: no model of seed {measured['seed']}; delete it and run again")
    stated = rows[0]
    models = {"model.onnx": read_bytes(files.onnx), "model.int8.onnx": read_bytes(files.int8)}
    tokenizer = read_bytes(files.tokenizer)
    proved = stated["epsilon"] is not None
    about: dict[str, Any] = {
        "name": name,
        "kind": "classifier",
        "training": {key: measured[key] for key in ("method", "set", "seed")} | dict(trained),
        "texts": [
            {"use": "private", **source(files.private)},
            *({"use": "public", **source(path)} for path in files.public),
        ],
        "state": {},
        "classes": _classes(models["model.onnx"]),
        "vocabulary": Tokenizer.from_str(tokenizer.decode()).get_vocab_size(),
        "parameters": measured["parameters"],
        "epsilon": stated["epsilon"],
        "delta": stated["delta"],
        "guarantee": {"unit": "sentence with its label", "adjacency": stated["adjacency"], "secure": secure}
        if proved
        else None,
        "measures": {form: {"accuracy": measured[f"accuracy_{name}"]} for form, name in FORMS.items()},
        "logit_difference": measured["logit_difference"],
        "bytes": {form: measured[f"bytes_{name}"] for form, name in FORMS.items()},
        "seconds": {name: measured["seconds"][key] for name, key in {"torch": "torch", **FORMS}.items()},
        "threads": measured["threads"],
    }
    write_folder(folder, about, {**models, "tokenizer.json": tokenizer, "README.md": card(about).encode()})


def _classes(model: bytes) -> list[str]:
    """Return the labels in the order of the logits, which the model holds."""
    held = {entry.key: entry.value for entry in onnx.load_from_string(model).metadata_props}
    return json.loads(held["classes"])
