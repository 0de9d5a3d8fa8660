"""Define how figures show epsilons: one colour and marker for each, and its delta in the legend."""

import math
from collections.abc import Iterable, Iterator
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from privatune.report.style import COLOURS, INK
from privatune.systems.dpzero.names import at, level

MARKERS = "osv^P"
WITHOUT = "without noise"


def by_epsilon(rows: pd.DataFrame) -> Iterator[tuple[str, str, str, pd.DataFrame]]:
    """Yield label, colour, marker and rows of each epsilon; first those without noise, then the largest epsilon."""
    levels = rows["epsilon"].map(level)
    if levels.isna().any():
        yield WITHOUT, INK, "D", rows[levels.isna()]
    present = sorted(set(levels.dropna()), reverse=True)
    for epsilon, colour, marker in zip(present, cycle(COLOURS), cycle(MARKERS), strict=False):
        of_level = rows[levels == epsilon]
        yield f"epsilon {epsilon:g}, {at(of_level)}", colour, marker, of_level


def bars(rows: pd.DataFrame, key: str) -> np.ndarray:
    """Return the lengths of error bars below and above, [2, rows]; 0 where there is no interval."""
    ends = [rows[key] - rows[f"{key}_low"], rows[f"{key}_high"] - rows[key]]
    return np.nan_to_num(np.array(ends, np.float64))


def baselines(rows: pd.DataFrame) -> dict[str, tuple[float, str]]:
    """Return the accuracies of a set that need no training, with a line style, by name; without those that are null."""
    first = rows.iloc[0]
    found = {"majority class": (first["majority"], ":"), "zero-shot": (first["zero_shot"], "--")}
    return {name: held for name, held in found.items() if not math.isnan(held[0])}


def one_legend(figure: Figure, panels: Iterable[Axes]) -> None:
    """Put one legend below all panels, in which each label occurs once."""
    found: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(str(label), handle)
    figure.legend(list(found.values()), list(found), loc="outside lower center", ncols=2)
