"""Bits that devices send until the average perplexity is as low as asked, and stays there."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from privatune.report.frames import read_table
from privatune.report.style import COLUMN, drawing, perplexity_axis
from privatune.systems.compression.bits import bits_to_keep
from privatune.systems.compression.looks import bits_axis, method_looks, plot_methods

COLUMNS = "method mode codec seed steps ppl_average bits_up".split()
LEVELS = 12  # of perplexity, evenly spread in logarithms between the start and the best end


@drawing()
def figure(compression: str | Path) -> Figure:
    """One line a method, the geometric mean over seeds, as far as every seed gets there between two measured points.

    Methods that no seed measures so have no line; short trainings may have none at all.
    """
    runs = read_table(compression, COLUMNS)
    start = runs.loc[runs["steps"] == 0, "ppl_average"].min()
    levels = np.geomspace(start, runs["ppl_average"].min(), LEVELS + 1)[1:]
    rows = []
    for method, of_method in runs.groupby("method", sort=False):
        for level in levels:
            spans = [
                bits_to_keep(run["bits_up"], run["ppl_average"], level)
                for _, run in of_method.sort_values("steps").groupby("seed")
            ]
            if all(span.low == span.high > 0 for span in spans):
                rows.append((method, level, float(np.exp(np.mean(np.log([span.low for span in spans]))))))
    means = pd.DataFrame(rows, columns=["method", "ppl_average", "bits_up"])
    drawn = Figure(figsize=(COLUMN, 3.6))
    axes = drawn.subplots()
    plot_methods(axes, means, "ppl_average", "bits_up", method_looks(runs))
    perplexity_axis(axes, "x", levels, most=5)
    axes.invert_xaxis()
    bits_axis(axes, "y")
    if means.empty:  # a logarithmic axis has no limits of its own
        axes.set_ylim(0.1, 10)
    axes.set_xlabel("average perplexity to reach (log.)")
    drawn.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return drawn
