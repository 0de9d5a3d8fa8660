"""The table `private_models`: what DP-FedAvg does to quality, and what its noise is worth."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from privatune.core.files import read_json
from privatune.report.frames import Table, decimals, show

MEASURES = ["ppl_general", "ppl_user", "ppl_average", "recall1_user", "recall3_user", "kss_user"]
STATED = (
    "epsilon unit adjacency sensitivity sampling population cohort q rounds noise_multiplier clip delta accountant"
).split()
NOTE = (
    "Epsilon is an upper bound, by user, over all rounds, with what it means nothing without beside it in the CSV: "
    "unit, adjacency, sampling, q, T, noise multiplier, clip, delta, accountant. No epsilon: there is no noise, and no "
    "claim. With a few hundred persons an honest epsilon at a useful noise is large; table `accounting` has the "
    "paper's scale. Seeds are public unless `secure: true`, so these models show the method and protect nobody. The "
    "persons who carry canaries are many beside the real ones; the variant without them shows what they cost."
)


def table(measures: Sequence[str | Path]) -> Table:
    """One row a trained model; from files of `measure_private`."""
    rows = []
    for path in measures:
        model = read_json(path)
        stated = model["guarantee"] or {}
        rows.append(
            {"variant": model["variant"], "seed": model["seed"]}
            | {name: model[name] for name in MEASURES}
            | {name: stated.get(name) for name in STATED}
        )
    frame = pd.DataFrame(rows)
    shown = show(
        frame,
        {
            "variant": ("variant", str),
            "seed": ("seed", str),
            "ppl_general": ("general PPL", decimals(1)),
            "ppl_user": ("user PPL", decimals(1)),
            "recall1_user": ("user top-1, %", decimals(1)),
            "recall3_user": ("user top-3, %", decimals(1)),
            "kss_user": ("user KSS, %", decimals(1)),
            "noise_multiplier": ("z", "{:g}".format),
            "clip": ("S", "{:g}".format),
            "sampling": ("sampling", str),
            "adjacency": ("adjacency", str),
            "q": ("q", "{:.3g}".format),
            "delta": ("delta", "{:.2g}".format),
            "epsilon": ("epsilon", "{:.3g}".format),
        },
    )
    return Table("Quality under user-level differential privacy", NOTE, frame, shown)
