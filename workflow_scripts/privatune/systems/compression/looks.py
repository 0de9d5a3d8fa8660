"""Define how figures show the methods that the compression experiment compares."""

from collections.abc import Mapping
from itertools import cycle
from typing import Literal, NamedTuple

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from privatune.report.columns import SHARED
from privatune.report.style import COLOURS, INK, PAPER, name

MARKERS = "osD^vP"
MEGABYTE = 8e6  # bits


class MethodLook(NamedTuple):
    """The look of a method.

    The colour shows the codec, and the marker changes when colours repeat. Averaging has a solid line. Markers are
    hollow if another method already has the same look.
    """

    colour: str
    marker: str
    line: str
    full: bool


def method_looks(runs: pd.DataFrame) -> dict[str, MethodLook]:
    """Return the look of every method, in the table's order; `dense` is black."""
    codecs: dict[str, tuple[str, str]] = {"dense": (INK, "o")}
    fresh = iter(zip(cycle(COLOURS), (marker for marker in cycle(MARKERS) for _ in COLOURS), strict=False))
    chosen: dict[str, MethodLook] = {}
    for method, rows in runs.groupby("method", sort=False):
        codec = str(rows["codec"].iloc[0])
        if codec not in codecs:
            codecs[codec] = next(fresh)
        line = "-" if rows["mode"].iloc[0] == "averaging" else "--"
        first = MethodLook(*codecs[codec], line, True)
        chosen[str(method)] = first._replace(full=first not in chosen.values())
    return chosen


def plot_methods(axes: Axes, points: pd.DataFrame, x: str, y: str, chosen: Mapping[str, MethodLook]) -> None:
    """Draw one line per method through its points, in the table's order; columns of bits are shown in megabytes."""
    for method, (colour, marker, line, full) in chosen.items():
        rows = points[points["method"] == method]
        columns = [rows[column] / (MEGABYTE if column.startswith("bits") else 1) for column in (x, y)]
        axes.plot(
            *columns,
            color=colour,
            marker=marker,
            linestyle=line,
            markerfacecolor=colour if full else PAPER,
            linewidth=1,
            markersize=3.5,
            label=name(method),
        )


def bits_axis(axes: Axes, which: Literal["x", "y"]) -> None:
    """Make one axis logarithmic, in megabytes sent by devices."""
    axes.set(**{f"{which}scale": "log", f"{which}label": f"{SHARED['bits_up'].heading} (log.)"})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(LogLocator())
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
