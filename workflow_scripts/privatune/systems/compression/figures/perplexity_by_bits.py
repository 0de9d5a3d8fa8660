"""Draw user and average perplexity against the bits that devices have sent."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from privatune.report.frames import read_table
from privatune.report.style import GREY, PAGE, drawing, perplexity_axis
from privatune.systems.compression.bits import pareto_front
from privatune.systems.compression.looks import MEGABYTE, bits_axis, method_looks, plot_methods

COLUMNS = "method mode codec seed steps ppl_user ppl_average bits_up".split()


@drawing()
def figure(compression: str | Path) -> Figure:
    """Draw one line per method, the geometric mean over seeds, through the measured points; lower left is better.

    The thick grey line is the Pareto front: it joins the points that no other point beats in both bits and perplexity.
    """
    runs = read_table(compression, COLUMNS)
    start = runs[runs["steps"] == 0]
    runs = runs[runs["steps"] > 0]
    # replicates are measured at the same shares of the training, which may be different steps
    stop = runs.groupby(["method", "seed"]).cumcount()
    logs = np.log(runs[["bits_up", "ppl_user", "ppl_average"]])
    means = np.exp(logs.groupby([runs["method"], stop], sort=False).mean()).reset_index()
    chosen = method_looks(runs)
    drawn = Figure(figsize=(PAGE, 3.2))
    panels = drawn.subplots(1, 2)
    for axes, measure, text in zip(
        panels, ("ppl_user", "ppl_average"), ("held-out users' text", "both texts"), strict=True
    ):
        _front(axes, means, measure)
        plot_methods(axes, means, "bits_up", measure, chosen)
        axes.axhline(start[measure].mean(), color=GREY, linewidth=0.7, linestyle=":")
        perplexity_axis(axes, "y", [*runs[measure], *start[measure]])
        bits_axis(axes, "x")
        axes.set_ylabel(f"perplexity of {text} (log.)")
    drawn.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return drawn


def _front(axes: Axes, means: pd.DataFrame, measure: str) -> None:
    points = pareto_front(means["bits_up"] / MEGABYTE, means[measure])
    axes.plot(*zip(*points, strict=True), color=GREY, linewidth=4, alpha=0.35, solid_capstyle="round")
