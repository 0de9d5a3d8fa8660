"""Draw tables 1 and 2 of Popov et al. (2018): every method against the initial model, in this run and in the paper."""

from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from privatune.report.frames import read_table
from privatune.report.intervals import paired, ratio
from privatune.report.style import GENERAL, GREY, INK, PAGE, PAPER, USER, drawing, name, perplexity_axis

PANELS = {
    "ppl_general": ("general text", GENERAL),
    "ppl_user": ("held-out users' text", USER),
    "ppl_average": ("both texts, pooled", INK),
}
COLUMNS = ["scenario", "seed", "round", "paper", *PANELS, *(f"paper_{measure}" for measure in PANELS)]


@drawing()
def figure(replicates: str | Path) -> Figure:
    """Draw one row per method and one panel per text: perplexity in percent of the initial model's, on a log axis.

    A filled marker is our geometric mean over replicates, with its 95 % interval over seeds and text; the interval is
    dotted if there is one replicate and it covers the text alone. Small dots are replicates. A hollow marker is the
    paper's figure, in percent of the paper's initial model. Scenarios with neither replicates nor a row of the paper
    are left out.
    """
    models = read_table(replicates, COLUMNS)
    scenarios = models.groupby("scenario")
    models = models[scenarios["paper"].transform("count").gt(0) | scenarios["seed"].transform("nunique").gt(1)]
    initial = models[models["round"] == 0]
    rows = [part for _, part in models[models["round"] > 0].groupby(["scenario", "round"], sort=False)]
    rounds = models.groupby("scenario")["round"].nunique()
    drawn = Figure(figsize=(PAGE, 1.0 + 0.21 * max(len(rows), 3)))
    panels = drawn.subplots(1, len(PANELS), sharey=True)
    for axes, (measure, (text, colour)) in zip(panels, PANELS.items(), strict=True):
        values = [value for place, row in enumerate(rows) for value in _row(axes, place, row, initial, measure, colour)]
        axes.axvline(100, color=INK, linewidth=0.6, linestyle=":", zorder=1)
        axes.set_title(text)
        perplexity_axis(axes, "x", [100, *values], most=4)
        axes.grid(visible=False, axis="y")
        axes.tick_params(left=False)
    labels = [(row["scenario"].iloc[0], row["round"].iloc[0]) for row in rows]
    texts = [name(scenario) + (f", round {number}" if rounds[scenario] > 1 else "") for scenario, number in labels]
    panels[0].set_yticks(range(len(rows)), texts)
    panels[0].set_ylim(max(len(rows), 1) - 0.5, -0.5)
    drawn.supxlabel("perplexity, % of the initial model's (logarithmic)", fontsize=8)
    hollow: dict[str, Any] = {"markerfacecolor": PAPER, "markeredgewidth": 1.1}
    handles = [
        Line2D([], [], color=GREY, marker="o", markeredgecolor=PAPER, label="ours: mean, 95 % interval"),
        Line2D([], [], color=GREY, marker=".", markersize=3, linestyle="none", label="its replicates"),
        Line2D([], [], color=GREY, marker="D", markersize=4, linestyle="none", label="the paper's", **hollow),
    ]
    drawn.legend(handles=handles, loc="outside upper center", ncols=3)
    return drawn


def _row(axes: Axes, place: int, rows: pd.DataFrame, initial: pd.DataFrame, measure: str, colour: str) -> list[float]:
    """Draw one method; return every value that the axis must show."""
    if not len(initial):
        return []
    mean = ratio(rows, initial, measure).map(lambda quotient: 100 * quotient)
    ours, theirs = paired(rows, initial, measure)
    paper = 100 * rows[f"paper_{measure}"].iloc[0] / initial[f"paper_{measure}"].iloc[0]
    axes.plot(
        paper, place, marker="D", markersize=4, markerfacecolor=PAPER, markeredgecolor=colour, markeredgewidth=1.1
    )
    axes.hlines(place, mean.low, mean.high, color=colour, linewidth=1.2, linestyle=":" if mean.n < 2 else "-")
    axes.plot(mean.middle, place, "o", color=colour, markeredgecolor=PAPER, zorder=3)
    if mean.n > 1:
        axes.plot(100 * ours / theirs, [place + 0.3] * mean.n, ".", markersize=2.5, color=GREY)
    return [mean.low, mean.middle, mean.high, paper]
