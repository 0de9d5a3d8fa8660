"""The table `ledger`: what all models of the same persons tell together, from the least to the most."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.core.files import read_json
from privatune.privacy.ledger import together
from privatune.privacy.mechanism import ADJACENCIES, Mechanism, mechanism_from
from privatune.report.columns import show
from privatune.report.frames import Table
from privatune.systems.dpfedavg.columns import OWN

COLUMNS = [
    *"system model models phase mechanism adjacency q T sigma".split(),
    *"epsilon_alone epsilon_so_far delta".split(),
]
ALL = "all models of this table together"
SHOWN = "model models mechanism adjacency q T sigma delta epsilon_alone epsilon_so_far".split()
NOTE = (
    "All models of the same persons, by variant, those with the most noise first. Alone: epsilon of one of its models. "
    "So far: epsilon of the models of this row and of all rows above it together, under all seeds, by composing what "
    "their rounds tell. Every epsilon is by user, at the delta of its row, the least of any variant. A model without "
    "noise has an infinite epsilon, and so has whatever is released beside it. The epsilons hold where seeds are "
    "secret (`secure: true`); with public seeds anyone can take the noise off. Other targets train on the same persons "
    "without noise; their models are not in this table."
)


def table(measures: Sequence[str | Path]) -> Table:
    """One row a variant and one for all; from files of `measure_private`, and of n-gram models of the persons' text."""
    models = [read_json(path) for path in measures]
    everyones, delta = everything(models)
    variants: dict[str, list[Mechanism | None]] = {}
    for model in models:
        variants.setdefault(model["variant"], []).append(_mechanism(model))
    rows: list[dict[str, Any]] = []
    so_far: list[Mechanism | None] = []
    for name, alike in sorted(variants.items(), key=lambda item: -_noise(item[1][0])):
        so_far += alike
        rows.append(_row(name, alike, _epsilon(alike[:1], delta), _epsilon(so_far, delta), delta))
    rows.append(dict.fromkeys(COLUMNS) | {"system": "dpfedavg", "model": ALL, "models": len(so_far), "delta": delta})
    rows[-1]["epsilon_so_far"] = everyones
    frame = pd.DataFrame(rows, columns=COLUMNS).astype({"T": "Int64"})
    shown = show(frame, SHOWN, OWN)
    return Table("Ledger of the models of the same persons", NOTE, frame, shown)


def everything(models: Iterable[Mapping[str, Any]]) -> tuple[float, float]:
    """Epsilon of all these models of the same persons together, and the delta it is at: the least of any of them.

    Args:
        models: as `measure_private` and `measure_ngram` write them.
    """
    mechanisms = [_mechanism(model) for model in models]
    delta = min((mechanism.delta for mechanism in mechanisms if mechanism), default=math.nan)
    return _epsilon(mechanisms, delta), delta


def _mechanism(model: Mapping[str, Any]) -> Mechanism | None:
    """Null of an n-gram model, which is made of the text as it is."""
    return mechanism_from(model["mechanism"]) if "mechanism" in model else None


def _row(name: str, models: Sequence[Mechanism | None], alone: float, so_far: float, delta: float) -> dict[str, Any]:
    row = {"system": "dpfedavg", "model": name, "models": len(models), "phase": "training", "mechanism": "none"}
    row |= {"epsilon_alone": alone, "epsilon_so_far": so_far, "delta": delta}
    mechanism = models[0]
    if mechanism is None:
        return row | {"phase": "counts of words"}
    row |= {"q": mechanism.q, "T": mechanism.rounds, "sigma": mechanism.noise_multiplier}
    if mechanism.noise_multiplier:
        row |= {"mechanism": f"Gaussian, {mechanism.sampling}", "adjacency": ADJACENCIES[mechanism.sampling]}
    return row


def _noise(mechanism: Mechanism | None) -> float:
    return mechanism.noise_multiplier if mechanism else -1.0


def _epsilon(models: Sequence[Mechanism | None], delta: float) -> float:
    """Of all of these; infinite where one is of the persons' text as it is."""
    private = [mechanism for mechanism in models if mechanism is not None]
    return together(private, delta) if len(private) == len(models) else math.inf
