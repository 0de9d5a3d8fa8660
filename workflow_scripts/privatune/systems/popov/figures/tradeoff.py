"""Draw what user text gains against what general text loses, in this run and in the paper."""

from itertools import pairwise
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from privatune.report.frames import read_table
from privatune.report.style import GREY, INK, PAGE, PAPER, Look, drawing, looks, name, perplexity_axis

COLUMNS = "scenario seed round clients_per_round ppl_general ppl_user paper_ppl_general paper_ppl_user".split()


SIDES: tuple[tuple[Literal["x", "y"], str], ...] = (("x", "general"), ("y", "user"))


@drawing()
def figure(comparison: str | Path) -> Figure:
    """Draw user perplexity (y) against general perplexity (x) of every evaluated model; lower left is better.

    Both axes are logarithmic. Filled markers are ours, and hollow ones are the paper's. An arrow leads from the initial
    model through the rounds to the last one. Large points are geometric means over replicates; small ones are the
    replicates.
    """
    models = read_table(comparison, COLUMNS)
    chosen = looks(models)
    drawn = Figure(figsize=(PAGE, 3.4))
    axes = drawn.subplots()
    theirs = models.dropna(subset=["paper_ppl_general", "paper_ppl_user"])
    _paths(axes, theirs, "paper_ppl_general", "paper_ppl_user", chosen, filled=False)
    _paths(axes, models, "ppl_general", "ppl_user", chosen, filled=True)
    for which, text in SIDES:
        perplexity_axis(axes, which, [*models[f"ppl_{text}"], *theirs[f"paper_ppl_{text}"]])
    axes.set_xlabel("perplexity of general text (logarithmic)")
    axes.set_ylabel("perplexity of held-out users' text (log.)")
    handles = [
        Line2D([], [], color=look.colour, marker=look.marker, linestyle="none", label=name(scenario))
        for scenario, look in chosen.items()
    ]
    handles += [
        Line2D([], [], color=GREY, marker="o", linestyle="none", label="filled: ours"),
        Line2D(
            [],
            [],
            color=GREY,
            marker="o",
            markerfacecolor=PAPER,
            markeredgewidth=1.1,
            linestyle="none",
            label="hollow: the paper's",
        ),
    ]
    drawn.legend(handles=handles, loc="outside right center")
    return drawn


def _paths(axes: Axes, models: pd.DataFrame, x: str, y: str, chosen: dict[str, Look], filled: bool) -> None:
    means = np.log(models[[x, y]]).groupby([models["scenario"], models["round"]], sort=False).mean().pipe(np.exp)
    start = means[means.index.get_level_values("round") == 0].to_numpy()[:1]
    for scenario, rounds in means.groupby(level="scenario", sort=False):
        colour, marker = chosen[str(scenario)]
        points = rounds.sort_index().to_numpy()
        path = list(points) if colour == INK else [*start, *points]
        for place, (tail, head) in enumerate(pairwise(path)):
            arrow = {
                "arrowstyle": "-|>" if place == len(path) - 2 else "-",
                "color": colour,
                "shrinkA": 3,
                "shrinkB": 3,
            }
            axes.annotate("", head, tail, arrowprops=arrow | {"alpha": 0.8 if filled else 0.4, "linewidth": 0.8})
        replicates = models[models["scenario"] == scenario]
        if filled and len(replicates) > len(points):
            axes.plot(replicates[x], replicates[y], linestyle="none", marker=".", markersize=3, color=colour, alpha=0.6)
        face, edge, width = (colour, PAPER, 0.6) if filled else (PAPER, colour, 1.1)
        axes.plot(
            *points.T,
            linestyle="none",
            marker=marker,
            markerfacecolor=face,
            markeredgecolor=edge,
            markeredgewidth=width,
        )
