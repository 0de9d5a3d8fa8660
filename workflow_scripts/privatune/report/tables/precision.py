"""The table `precision`: the same pretraining in float32 and in bfloat16."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from privatune.report.columns import show
from privatune.report.frames import Table, read_table

COLUMNS = ["tokens", "ppl_valid", "seconds"]
SHOWN = "precision tokens ppl_valid ratio seconds".split()
NOTE = (
    "The tokens read in pretraining, the validation perplexity of the general model at its end, the ratio of this "
    "perplexity to that in float32, and the seconds of training. `precision: auto` takes bfloat16 where the processor "
    "computes in it. The ratio should be below 1.01."
)


def table(curves: Sequence[str | Path], precisions: Sequence[str]) -> Table:
    """The last row of each pretraining curve; the first of `precisions` is what the others are compared with."""
    ends = pd.concat([read_table(path, COLUMNS)[COLUMNS].tail(1) for path in curves], ignore_index=True)
    ends.insert(0, "precision", list(precisions))
    ends.insert(3, "ratio", ends["ppl_valid"] / ends["ppl_valid"].iloc[0])
    shown = show(ends, SHOWN)
    return Table("Precision of pretraining", NOTE, ends, shown)
