"""Define how figures of classifiers show epsilons: one colour and marker for each, and its delta in the legend."""

from collections.abc import Iterable, Iterator
from itertools import cycle

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from privatune.report.classifiers import at, untrained
from privatune.report.style import COLOURS, INK

MARKERS = "osv^P"
WITHOUT = "without noise"
LINES = {"majority class": ":", "zero-shot": "--"}


def by_epsilon(rows: pd.DataFrame, targets: pd.Series) -> Iterator[tuple[str, str, str, pd.DataFrame]]:
    """Yield label, colour, marker and rows of each epsilon; first those without noise, then the largest epsilon.

    Args:
        targets: of each row, the epsilon that its noise was calibrated to; null means without noise.
    """
    if targets.isna().any():
        yield WITHOUT, INK, "D", rows[targets.isna()]
    present = sorted(set(targets.dropna()), reverse=True)
    for epsilon, colour, marker in zip(present, cycle(COLOURS), cycle(MARKERS), strict=False):
        of_target = rows[targets == epsilon]
        yield f"epsilon {epsilon:g}, {at(of_target)}", colour, marker, of_target


def bars(rows: pd.DataFrame, key: str) -> np.ndarray:
    """Return the lengths of error bars below and above, [2, rows]; 0 where there is no interval."""
    ends = [rows[key] - rows[f"{key}_low"], rows[f"{key}_high"] - rows[key]]
    return np.nan_to_num(np.array(ends, np.float64))


def baselines(rows: pd.DataFrame) -> dict[str, tuple[float, str]]:
    """Return what `untrained` gives, each with the style of its line."""
    return {name: (accuracy, LINES[name]) for name, accuracy in untrained(rows).items()}


def one_legend(figure: Figure, panels: Iterable[Axes], columns: int = 2) -> None:
    """Put one legend below all panels, in which each label occurs once."""
    found: dict[str, Artist] = {}
    for axes in panels:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(str(label), handle)
    figure.legend(list(found.values()), list(found), loc="outside lower center", ncols=columns)
