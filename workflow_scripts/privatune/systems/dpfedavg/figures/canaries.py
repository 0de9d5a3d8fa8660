"""How much of each canary a model knows, by how many persons carried it and how often."""

from pathlib import Path
from textwrap import fill

import numpy as np
from matplotlib.figure import Figure

from privatune.report.frames import read_table
from privatune.report.style import PAGE, SMALL, drawing, name

COLUMNS = "scenario n_users n_copies references exposure beam_found".split()
WIDE = 5  # panels side by side


@drawing()
def figure(canaries: str | Path) -> Figure:
    """One map a variant: mean exposure in bits of each cell's canaries, and under it how many a beam search found."""
    rows = read_table(canaries, COLUMNS)
    most = float(np.log2(rows["references"].max()))
    variants = list(dict.fromkeys(rows["scenario"]))
    lines = -(-len(variants) // WIDE)
    drawn = Figure(figsize=(PAGE, 0.6 + 1.6 * lines))
    grid = drawn.subplots(lines, min(len(variants), WIDE), sharex=True, sharey=True, squeeze=False)
    panels = grid.ravel()[: len(variants)]
    for unused in grid.ravel()[len(variants) :]:
        unused.remove()
    for axes, variant in zip(panels, variants, strict=True):
        cells = rows[rows["scenario"] == variant].groupby(["n_users", "n_copies"])
        exposure, found, planted = (
            cells.agg({"exposure": how, "beam_found": "sum"}).unstack() for how in ("mean", "mean", "size")
        )
        shown = exposure["exposure"]
        image = axes.imshow(shown, vmin=0, vmax=most, cmap="cividis", aspect="auto", origin="lower")
        for row, users in enumerate(shown.index):
            for column, copies in enumerate(shown.columns):
                text = f"{found['beam_found'].loc[users, copies]:.0f}/{planted['exposure'].loc[users, copies]:.0f}"
                light = shown.iloc[row, column] > most / 2
                axes.text(column, row, text, ha="center", va="center", fontsize=SMALL, color="k" if light else "w")
        axes.set_xticks(range(len(shown.columns)), [f"{copies:g}" for copies in shown.columns])
        axes.set_yticks(range(len(shown.index)), [f"{users:g}" for users in shown.index])
        axes.grid(visible=False)
        axes.set_title(fill(name(variant), 22))
        axes.tick_params(labelbottom=True)
    drawn.supxlabel("copies in the text of each who carries it", fontsize=8)
    drawn.supylabel("persons who carry it", fontsize=8)
    drawn.colorbar(image, ax=list(panels), label="exposure, bits")
    return drawn
