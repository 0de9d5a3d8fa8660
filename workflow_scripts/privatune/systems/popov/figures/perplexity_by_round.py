"""Draw general and user perplexity against rounds, as in figure 2 of Popov et al. (2018)."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from privatune.report.frames import read_table
from privatune.report.style import INK, PAGE, PAPER, Look, drawing, looks, name, perplexity_axis

COLUMNS = "scenario seed round clients_per_round ppl_general ppl_user".split()


def figure(comparison: str | Path) -> Figure:
    """Draw the evaluated models of the table `comparison`; see `draw`."""
    return draw(read_table(comparison, COLUMNS))


@drawing()
def draw(models: pd.DataFrame) -> Figure:
    """Draw two panels (general, user) with one line per scenario of several rounds; other scenarios are single points.

    A line is the geometric mean over replicates, and its band is their range if there are several. Every line starts
    from the initial model at round 0.
    """
    chosen = looks(models)
    drawn = Figure(figsize=(PAGE, 3.0))
    for axes, measure, text in zip(
        drawn.subplots(1, 2), ("ppl_general", "ppl_user"), ("general text", "held-out users' text"), strict=True
    ):
        start = models.loc[models["round"] == 0]
        for scenario, rows in models[models["round"] > 0].groupby("scenario", sort=False):
            _draw(axes, pd.concat([start, rows]) if rows["round"].nunique() > 1 else rows, measure, scenario, chosen)
        if len(start):
            first = start["scenario"].iloc[0]
            axes.axhline(start[measure].median(), color=INK, linewidth=0.6, linestyle=":", zorder=1)
            _draw(axes, start, measure, first, chosen)
        axes.set_title(f"Perplexity of {text}")
        axes.set_xlabel("rounds of distributed fine-tuning")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=10))
        perplexity_axis(axes, "y", models[measure])
    drawn.axes[0].set_ylabel("perplexity (logarithmic)")
    handles, labels = drawn.axes[0].get_legend_handles_labels()
    order = sorted(range(len(labels)), key=lambda place: list(map(name, chosen)).index(labels[place]))
    drawn.legend(
        [handles[place] for place in order],
        [labels[place] for place in order],
        loc="outside lower center",
        ncols=min(len(labels), 4),
    )
    return drawn


def _draw(axes: Axes, rows: pd.DataFrame, measure: str, scenario: str, chosen: dict[str, Look]) -> None:
    replicates = rows.groupby("round")[measure]
    middle, low, high = (
        replicates.agg(lambda values: values.prod() ** (1 / len(values))),
        replicates.min(),
        replicates.max(),
    )
    colour, marker = chosen[scenario]
    line = "-" if len(middle) > 1 else "none"
    # single points are drawn over lines, which remain visible beside them
    above = 2 if len(middle) > 1 else 3
    axes.plot(
        middle.index,
        middle,
        linestyle=line,
        marker=marker,
        color=colour,
        markeredgecolor=PAPER,
        label=name(scenario),
        zorder=above,
    )
    if (high > low).any():
        if len(middle) > 1:
            several = (replicates.size() > 1) | (middle.index == 0)  # all replicates start from one model
            axes.fill_between(middle.index, low, high, where=several, color=colour, alpha=0.18, linewidth=0)
        else:
            axes.vlines(middle.index, low, high, color=colour, zorder=4)
