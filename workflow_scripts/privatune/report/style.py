"""Define the look of figures: page widths, a palette safe for colour-blind readers, and reproducible bytes."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import cycle
from pathlib import Path
from typing import Any, Literal, NamedTuple

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from privatune.core.files import write_bytes

# widths of one and of two columns of a page, in inches
COLUMN, PAGE = 3.4, 7.0
DOTS_PER_INCH = 300
SMALL = 6.5  # the smallest font size that is legible at these widths

# the palette of Okabe and Ito (2008), without its yellow, which is too pale for lines on white
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GENERAL, USER = COLOURS[:2]
INK, GREY, PAPER = "#000000", "#767676", "#ffffff"
NOTICE = "#b00020"  # of what a reader must not overlook

LOOK: dict[Any, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "axes.titlelocation": "left",
    "axes.labelsize": 8,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.axisbelow": True,
    "axes.grid": True,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 5,
    "lines.markeredgewidth": 0.6,
    "figure.constrained_layout.use": True,
    "pdf.fonttype": 42,
}


class Look(NamedTuple):
    """The colour and marker of one scenario; they are the same in every figure of a run."""

    colour: str
    marker: str


@contextmanager
def drawing() -> Iterator[None]:
    """Draw in the project's style, whatever the user's matplotlib settings are; also works as a decorator."""
    with matplotlib.rc_context(dict(matplotlib.rcParamsDefault) | LOOK):
        yield


def looks(models: pd.DataFrame) -> dict[str, Look]:
    """Return the look of every scenario in a comparison table: square markers for one device, round for averaging."""
    colours = cycle(COLOURS)
    chosen = {}
    for scenario, rows in models.groupby("scenario", sort=False):
        if (rows["round"] == 0).all():  # no client has touched this model
            chosen[str(scenario)] = Look(INK, "D")
        else:
            chosen[str(scenario)] = Look(next(colours), "s" if (rows["clients_per_round"] == 1).all() else "o")
    return chosen


def name(scenario: str) -> str:
    """Return a scenario's name as a label.

    >>> name("averaging-rehearsal")
    'averaging rehearsal'
    """
    return scenario.replace("-", " ").replace("_", " ")


def perplexity_axis(axes: Axes, which: Literal["x", "y"], values: Iterable[float], most: int = 6) -> None:
    """Make one axis logarithmic around the positive `values`, ignoring null, with at most `most` round ticks."""
    known = [value for value in values if value > 0]
    low, high = min(known, default=1) / 1.12, max(known, default=1) * 1.12
    # from narrow to wide spacing; take the first that gives few enough ticks
    close = [range(10, 100, step) for step in (1, 2, 5)]
    for digits in (*close, (10, 15, 20, 30, 40, 60, 80), (10, 20, 30, 50, 70), (10, 20, 50), (10,)):
        ticks = [digit * 10**power / 10 for power in range(9) for digit in digits]
        ticks = [tick for tick in ticks if low <= tick <= high]
        if len(ticks) <= most:
            break
    axes.set(**{f"{which}scale": "log", f"{which}lim": (low, high)})
    axis = axes.xaxis if which == "x" else axes.yaxis
    axis.set_major_locator(FixedLocator(ticks))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


@drawing()
def save_figure(figure: Figure, pdf: str | Path, png: str | Path, note: str | None = None) -> None:
    """Write `figure` as PDF and PNG, each atomically; equal figures give equal bytes (no time or program name).

    Args:
        note: a sentence that stands above the figure, where nothing else may.
    """
    if note:
        figure.suptitle(note, fontsize=SMALL, color=NOTICE, wrap=True)
    for path, options in (
        (pdf, {"format": "pdf", "metadata": {"CreationDate": None}}),
        (png, {"format": "png", "metadata": {"Software": None}, "dpi": DOTS_PER_INCH}),
    ):
        data = BytesIO()
        figure.savefig(data, **options)
        write_bytes(path, data.getvalue())
