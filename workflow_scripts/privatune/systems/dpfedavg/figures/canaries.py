"""Draw how much more a model knows its canaries than by chance, by their numbers of carriers and of copies."""

from pathlib import Path
from textwrap import fill

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from privatune.report.frames import read_table
from privatune.report.style import COLOURS, GREY, PAGE, SMALL, drawing, name
from privatune.systems.dpfedavg.columns import OWN

COLUMNS = "scenario n_users n_copies drawn found beyond low high".split()
WIDE = 4  # panels side by side


@drawing()
def figure(cells: str | Path) -> Figure:
    """Draw one panel per variant: exposure beyond a model that never saw the canaries, and how many were found."""
    rows = read_table(cells, COLUMNS)
    variants = list(dict.fromkeys(rows["scenario"]))
    lines = max(1, -(-len(variants) // WIDE))
    drawn = Figure(figsize=(PAGE, 0.7 + 1.9 * lines))
    grid = drawn.subplots(lines, max(1, min(len(variants), WIDE)), sharex=True, sharey=True, squeeze=False).ravel()
    for unused in grid[len(variants) :]:
        unused.remove()
    for axes, variant in zip(grid, variants, strict=False):
        _panel(axes, rows[rows["scenario"] == variant])
        axes.set_title(fill(name(str(variant)), 22))
    drawn.supxlabel("carriers x copies in the text of each; at the top: extracted / drawn canaries", fontsize=8)
    drawn.supylabel(OWN["beyond"].heading, fontsize=8)
    return drawn


def _panel(axes: Axes, cells: pd.DataFrame) -> None:
    places, middle = np.arange(len(cells)), cells["beyond"].to_numpy(float)
    bars = np.vstack([middle - cells["low"], cells["high"] - middle])
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.errorbar(places, middle, np.nan_to_num(bars), color=COLOURS[0], marker="o", linestyle="none")
    for place, (_, cell) in enumerate(cells.iterrows()):
        text = f"{cell['found']:.0f}/{cell['drawn']:.0f}"
        axes.text(place, 1, text, ha="center", va="top", fontsize=SMALL, transform=axes.get_xaxis_transform())
    axes.set_xticks(places, [f"{cell.n_users:g}x{cell.n_copies:g}" for cell in cells.itertuples()])
    axes.set_xlim(-0.5, len(cells) - 0.5)
    axes.margins(y=0.15)
    axes.tick_params(labelbottom=True)
