"""Draw the peak memory and the seconds of a step, over those of inference."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from privatune.report.frames import read_table
from privatune.report.style import COLOURS, GREY, PAGE, SMALL, drawing
from privatune.systems.dpzero.columns import OWN

COLUMNS = "row method pass path repeat memory_over_inference seconds_over_inference".split()
PASSES = {"forward": ("by forward passes", COLOURS[0]), "gradient": ("by gradients", COLOURS[1])}


@drawing()
def figure(costs: str | Path) -> Figure:
    """Draw one bar per way of training: the median of its repeats, with a line from the least to the largest."""
    rows = read_table(costs, COLUMNS)
    order = list(dict.fromkeys(rows["row"]))
    drawn = Figure(figsize=(PAGE, 1.1 + 0.24 * max(3, len(order))))
    panels = drawn.subplots(1, 2, sharey=True)
    for axes, measure in zip(panels, ("memory_over_inference", "seconds_over_inference"), strict=True):
        for kind, (label, colour) in PASSES.items():
            of_kind = rows[rows["pass"] == kind].groupby("row", sort=False)[measure].agg(["median", "min", "max"])
            places = [order.index(row) for row in of_kind.index]
            ends = np.array([of_kind["median"] - of_kind["min"], of_kind["max"] - of_kind["median"]])
            axes.barh(places, of_kind["median"], 0.6, xerr=ends, color=colour, label=label)
        axes.axvline(1, color=GREY, linewidth=0.8, linestyle=":")
        axes.set_xlabel(OWN[measure].heading)
        axes.tick_params(axis="y", labelsize=SMALL)
    about = rows.drop_duplicates("row")
    twice = about["method"].duplicated(False)
    panels[0].set_yticks(range(len(order)), about["method"].where(~twice, about["method"] + " (" + about["row"] + ")"))
    panels[0].invert_yaxis()
    drawn.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return drawn
