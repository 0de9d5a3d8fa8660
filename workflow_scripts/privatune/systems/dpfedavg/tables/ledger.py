"""The table `ledger`: what all models of the same persons tell together, from the least to the most."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.core.files import read_json
from privatune.privacy.ledger import Entry, Phase, entries, total
from privatune.privacy.mechanism import mechanism_from
from privatune.report.columns import show
from privatune.report.frames import Table
from privatune.systems.dpfedavg.columns import OWN

COLUMNS = [
    *"system model models phase mechanism unit noised adjacency q T sigma".split(),
    *"epsilon_alone epsilon_so_far delta".split(),
]
ALL = "all models of this table together"
SHOWN = "model models mechanism unit adjacency q T sigma delta epsilon_alone epsilon_so_far".split()
NOTE = (
    "All models of the same persons, by variant; the variants with the most noise come first. Epsilon of one alone is "
    "that of one of the variant's models. Epsilon of all so far is that of the models of this row and of all rows "
    "above it together, under all seeds, composed over all their rounds. Every epsilon is user-level, at the delta of "
    "its row, which is the smallest of any variant. A model without noise has an infinite epsilon, and so does "
    "everything that is released together with it. The epsilons hold where the seeds are secret (`secure: true`); with "
    "public seeds anyone can subtract the noise. Other targets train on the same persons without noise; their models "
    "are not in this table."
)


def table(measures: Sequence[str | Path]) -> Table:
    """One row per variant, and one for all of them together.

    Args:
        measures: files of `measure_dp`, and those of `measure_ngram` about n-gram models of the persons' text.
    """
    phases = [phase_of(read_json(path)) for path in measures]
    epsilon, delta, unit = total(phases)
    every = {"system": "dpfedavg", "delta": delta, "unit": unit}
    rows: list[dict[str, Any]] = [every | _row(entry) for entry in entries(phases, delta)]
    rows.append(every | {"model": ALL, "models": len(phases), "epsilon_so_far": epsilon})
    frame = pd.DataFrame(rows, columns=COLUMNS).astype({"T": "Int64"})
    shown = show(frame, SHOWN, OWN)
    return Table("Ledger of the models of the same persons", NOTE, frame, shown)


def phase_of(model: Mapping[str, Any]) -> Phase:
    """What a model tells of its persons; from what `measure_dp` or `measure_ngram` writes of it."""
    if "mechanism" in model:
        return Phase(model["variant"], "training", mechanism_from(model["mechanism"]))
    return Phase(model["variant"], "counts of words", None)  # an n-gram model is made of the text as it is


def _row(entry: Entry) -> dict[str, Any]:
    row = {"model": entry.model, "models": entry.phases, "phase": entry.phase, "mechanism": "none"}
    row |= {"epsilon_alone": entry.epsilon_alone, "epsilon_so_far": entry.epsilon_so_far}
    if entry.mechanism is None:
        return row
    mechanism = entry.mechanism
    row |= {"q": mechanism.q, "T": mechanism.rounds, "sigma": mechanism.noise_multiplier}
    if mechanism.noise_multiplier:
        row |= {"mechanism": f"Gaussian, {mechanism.sampling}", "noised": mechanism.noised}
        row |= {"adjacency": mechanism.compared}
    return row
