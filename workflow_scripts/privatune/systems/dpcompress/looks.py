"""Define how figures show methods: one colour and marker for each, the same in every figure of a run."""

from itertools import cycle

import pandas as pd

from privatune.report.looks import MARKERS
from privatune.report.style import COLOURS, Look


def most_epsilons(rows: pd.DataFrame) -> list[str]:
    """Return the methods that are trained at the most epsilons, which may be one."""
    levels = rows.groupby("method", sort=False)["target"].nunique()
    return [str(method) for method in levels.index[(levels == levels.max()) & (levels > 0)]]


def looks(rows: pd.DataFrame) -> dict[str, Look]:
    """Return the look of every method of the table `dpcompress`.

    Colours repeat after six methods. So those that are exported come first, then those with the most epsilons: figures
    show them by name.
    """
    exported = rows.loc[rows["bytes_safetensors"].notna(), "method"]
    methods = dict.fromkeys([*exported, *most_epsilons(rows), *rows["method"].dropna()])
    pairs = zip(cycle(COLOURS), cycle(MARKERS), strict=False)
    return {method: Look(*pair) for method, pair in zip(methods, pairs, strict=False)}
