"""Draw the accuracy of sparse classifiers against their sparsity, a curve for each way of choosing the mask."""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from privatune.report.columns import SHARED
from privatune.report.frames import read_table
from privatune.report.looks import bars, by_epsilon, one_legend
from privatune.report.style import COLOURS, PAGE, drawing
from privatune.systems.dpcompress.columns import OWN
from privatune.systems.dpcompress.names import full_model

COLUMNS = "method kind kept mask start sparsity epsilon target delta accuracy accuracy_low accuracy_high".split()
MASKS = {
    "private": ("private mask (unstructured DPIMP)", COLOURS[0], "o"),
    "public": ("public mask", COLOURS[1], "s"),
    "random": ("random mask", COLOURS[2], "^"),
}


@drawing()
def figure(accuracies: str | Path) -> Figure:
    """Draw a panel for each level that has the most sparse models; each curve begins at the full model."""
    rows = read_table(accuracies, COLUMNS)
    rows = rows[rows["kept"] == 1]
    levels = {label: of_level for label, _, _, of_level in by_epsilon(rows, rows["target"])}
    curves = {label: of_level["mask"].isin(MASKS).sum() for label, of_level in levels.items()}
    panels = [(label, of_level) for label, of_level in levels.items() if curves[label] == max(curves.values())]
    drawn = Figure(figsize=(PAGE, 2.9))
    grid = drawn.subplots(1, max(1, len(panels)), sharey=True, squeeze=False)[0]
    for axes, (label, of_level) in zip(grid, panels, strict=False):
        start = full_model(of_level)
        for number, (mask, (called, colour, marker)) in enumerate(MASKS.items()):
            of_mask = of_level[of_level["mask"] == mask]
            curve = pd.concat([start, of_mask]).sort_values("sparsity") if len(of_mask) else of_mask
            # places differ a little, so that intervals of two masks do not hide each other
            axes.errorbar(
                100 * curve["sparsity"] + number - 1, curve["accuracy"], bars(curve, "accuracy"), color=colour,
                marker=marker, markersize=3.5, label=called,
            )  # fmt: skip
        axes.set(title=label, xlabel=OWN["sparsity"].heading, xlim=(-5, 100))
    grid[0].set_ylabel(SHARED["accuracy"].heading)
    one_legend(drawn, grid, columns=3)
    return drawn
