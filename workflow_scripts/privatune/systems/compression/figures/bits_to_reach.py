"""Draw the bits that devices send until the average perplexity reaches a level and stays there."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from privatune.report.frames import read_table
from privatune.report.style import COLUMN, drawing, perplexity_axis
from privatune.systems.compression.bits import bits_to_keep
from privatune.systems.compression.looks import bits_axis, method_looks, plot_methods

COLUMNS = "method mode codec seed steps ppl_average bits_up".split()
LEVELS = 12  # levels of perplexity, evenly spaced in logarithms between the start and the best result


@drawing()
def figure(compression: str | Path) -> Figure:
    """Draw one line per method, the geometric mean over seeds, for the levels that every seed measures.

    A seed measures a level if it reaches the level between two measured points. A method without such a level has no
    line, so after short trainings the figure may be empty.
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
    if means.empty:  # an empty logarithmic axis needs limits
        axes.set_ylim(0.1, 10)
    axes.set_xlabel("average perplexity to reach (log.)")
    drawn.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    return drawn
