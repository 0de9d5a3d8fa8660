"""Draw the accuracy against the number of directions per step, at equal steps and at equal forward passes."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from privatune.report.columns import SHARED
from privatune.report.frames import read_table
from privatune.report.looks import bars, by_epsilon, one_legend
from privatune.report.style import PAGE, drawing, name
from privatune.systems.dpzero.columns import OWN
from privatune.systems.dpzero.groups import by_directions
from privatune.systems.dpzero.names import level

COLUMNS = (
    "set method scope head step noised directions epsilon delta batch steps forwards accuracy accuracy_low "
    "accuracy_high"
).split()
EQUAL = {"steps": "equal steps", "forwards": "equal forward passes"}
LINES = ("-", "--", ":")


@drawing()
def figure(accuracies: str | Path) -> Figure:
    """Draw a row of panels for equal steps and one for equal forward passes, with a panel per set, for the head scope.

    A panel is empty if no two numbers of directions have the same cost.
    """
    rows = read_table(accuracies, COLUMNS)
    rows = rows[rows["scope"] == "head"]
    sets = list(dict.fromkeys(rows["set"]))
    drawn = Figure(figsize=(PAGE, 4.4))
    grid = drawn.subplots(len(EQUAL), max(1, len(sets)), sharey="col", squeeze=False)
    series = list(by_epsilon(rows, rows["epsilon"].map(level)))
    for line, (equal, words) in zip(grid, EQUAL.items(), strict=True):
        for axes, of_set in zip(line, sets, strict=False):
            for number, (label, colour, marker, of_epsilon) in enumerate(series):
                groups = by_directions(of_epsilon[of_epsilon["set"] == of_set], equal)
                for group, style in zip(groups, LINES, strict=False):
                    # places differ a little, so that intervals of two epsilons do not hide each other
                    axes.errorbar(
                        group["directions"] * 1.06**number, group["accuracy"], bars(group, "accuracy"), color=colour,
                        marker=marker, linestyle=style, markersize=3.5, label=label,
                    )  # fmt: skip
            axes.set(title=f"{name(str(of_set))}, {words}", ylabel=SHARED["accuracy"].heading)
            _directions_axis(axes, rows["directions"])
    for axes in grid[-1]:
        axes.set_xlabel(f"{OWN['directions'].heading} (log.)")
    one_legend(drawn, grid.ravel())
    return drawn


def _directions_axis(axes: Axes, directions: pd.Series) -> None:
    present = sorted(set(directions.dropna()))
    axes.set_xscale("log", base=2)
    axes.xaxis.set_major_locator(FixedLocator(present))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    if present:
        axes.set_xlim(present[0] / 1.3, present[-1] * 1.5)
