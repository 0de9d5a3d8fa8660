"""Draw what privacy costs: the quality of the trained models against their proved epsilon."""

from itertools import cycle
from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from privatune.report.columns import SHARED
from privatune.report.frames import read_table
from privatune.report.intervals import mean
from privatune.report.style import COLOURS, GREY, INK, PAGE, drawing, name, perplexity_axis

COLUMNS = "scenario seed ppl_user recall1_user epsilon delta noise_multiplier adjacency".split()
MEASURES = ("recall1_user", "ppl_user")
LINES = ("-", "--", ":", "-.", (0, (1, 3)))
MARKERS = ("o", "s")


@drawing()
def figure(comparison: str | Path) -> Figure:
    """Draw models with an epsilon as points, each the mean over seeds with its 95 % interval, and all others as lines.

    Epsilons under different adjacencies cannot be compared, so each adjacency has its own series of points.
    """
    models = read_table(comparison, COLUMNS)
    stated, others = models[models["epsilon"].notna()], models[models["epsilon"].isna()]
    drawn = Figure(figsize=(PAGE, 3.0))
    for axes, measure in zip(drawn.subplots(1, 2), MEASURES, strict=True):
        for number, (adjacency, models_of) in enumerate(stated.groupby("adjacency", sort=False)):
            _points(axes, models_of, measure, f"DP-FedAvg, {adjacency}", number)
        for line, (scenario, rows) in zip(cycle(LINES), others.groupby("scenario", sort=False), strict=False):
            axes.axhline(rows[measure].mean(), color=GREY, linestyle=line, linewidth=1, label=name(str(scenario)))
        label = SHARED[measure].heading
        if measure.startswith("ppl"):
            label += " (log.)"
            perplexity_axis(axes, "y", models[measure], most=5)
        axes.set(
            xscale="log" if len(stated) else "linear", xlabel=f"user-level epsilon{_at(stated)} (log.)", ylabel=label
        )
    drawn.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return drawn


def _at(stated: pd.DataFrame) -> str:
    """Return the delta of these epsilons, without which an axis of epsilon means nothing."""
    deltas = sorted(set(stated["delta"]))
    if len(deltas) > 1:
        return f" at deltas of {deltas[0]:.2g} to {deltas[-1]:.2g}"
    return f" at delta = {deltas[0]:.2g}" if deltas else ""


def _points(axes: Axes, stated: pd.DataFrame, measure: str, label: str, number: int) -> None:
    rows = []
    for _, models in stated.groupby("scenario"):
        epsilon = models["epsilon"].iloc[0]
        middle = mean(models, measure)
        rows.append((epsilon, middle.middle, middle.middle - middle.low, middle.high - middle.middle))
        text = f"z = {models['noise_multiplier'].iloc[0]:g}"
        axes.annotate(text, (epsilon, middle.middle), xytext=(4, 4), textcoords="offset points", fontsize=7, color=INK)
    points = pd.DataFrame(rows, columns=["epsilon", "middle", "below", "above"]).fillna(0.0).sort_values("epsilon")
    bars = points[["below", "above"]].to_numpy().T
    axes.errorbar(points["epsilon"], points["middle"], bars, color=COLOURS[number], marker=MARKERS[number], label=label)
