"""The table `tuning`: the grids on which the methods of `compression` were tuned."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.core.files import read_json
from privatune.report.columns import Column, decimals, show
from privatune.report.frames import Table
from privatune.systems.compression.columns import OWN
from privatune.systems.compression.methods import best
from privatune.systems.compression.tables.compression import setting

SHOWN = "method mode codec setting learning_rate ppl_average chosen".split()
HERE = {"ppl_average": Column("average PPL, words of validation text", decimals(1))}
NOTE = (
    "The average perplexity of words on validation text (general text, and newer text of the training persons) at the "
    "end of a training of {rounds} rounds, or of gradient training on the text of these rounds, under seed {seed}. The "
    "best point of each method is the one that the table `compression` measures on test text. The grids of all methods "
    "have the same size. The newer text is that of training persons, so no epsilon covers these figures."
)


def table(tunings: Sequence[str | Path], methods: Mapping[str, Any], rounds: int, seed: int) -> Table:
    """One row per point of a grid; the arguments are those of the table `compression`."""
    rows = []
    for path in tunings:
        method, points = Path(path).parent.name, read_json(path)
        chosen = points.index(best(points))  # of equals the first
        for place, point in enumerate(points):
            choice = point["choice"]
            rows.append(
                {
                    "method": method,
                    "mode": choice["mode"],
                    "codec": choice["codec"]["name"],
                    "setting": setting(choice, methods[method]),
                    "learning_rate": choice["learning_rate"],
                    "steps": point["steps"],
                    "ppl_average": point["ppl_average"],
                    "chosen": place == chosen,
                }
            )
    frame = pd.DataFrame(rows)
    shown = show(frame, SHOWN, OWN | HERE)
    return Table("Tuning of the compression methods", NOTE.format(rounds=rounds, seed=seed), frame, shown)
