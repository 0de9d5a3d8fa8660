"""Draw the error of DPZero and DPGD-0th against the number of weights, in the synthetic experiment."""

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from privatune.report.classifiers import at
from privatune.report.frames import read_table
from privatune.report.intervals import interval, with_ends
from privatune.report.looks import MARKERS, bars
from privatune.report.style import COLOURS, COLUMN, drawing
from privatune.systems.dpzero.columns import OWN
from privatune.systems.dpzero.names import level
from privatune.systems.dpzero.slopes import slope

COLUMNS = "method dimension replicate error epsilon delta".split()


@drawing()
def figure(errors: str | Path) -> Figure:
    """Draw one line per method through mean errors with 95 % intervals, on logarithmic axes; the legend has slopes."""
    rows = read_table(errors, COLUMNS)
    drawn = Figure(figsize=(COLUMN, 2.9))
    axes = drawn.subplots()
    for (method, of_method), colour, marker in zip(rows.groupby("method", sort=False), COLOURS, MARKERS, strict=False):
        sizes = of_method.groupby("dimension")["error"]
        means = pd.DataFrame([{"dimension": size, **with_ends("error", interval(of))} for size, of in sizes])
        ends = bars(means, "error")
        ends[0] = np.minimum(ends[0], 0.999 * means["error"])  # an end below 0 has no logarithm
        line = slope(of_method)
        axes.errorbar(
            means["dimension"], means["error"], ends, color=colour, marker=marker, markersize=3.5,
            label=f"{method}: slope {line.middle:.2f} ({line.low:.2f} to {line.high:.2f})",
        )  # fmt: skip
    stated = "; ".join(f"epsilon {epsilon:g}" for epsilon in sorted(set(rows["epsilon"].map(level).dropna())))
    axes.set(xscale="log", yscale="log", xlabel=f"{OWN['dimension'].heading} (log.)", ylabel="mean error (log.)")
    axes.set_title(f"{stated}, {at(rows)}" if stated else "")
    drawn.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=1)
    return drawn
