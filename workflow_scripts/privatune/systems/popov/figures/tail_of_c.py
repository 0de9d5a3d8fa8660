"""Draw the tail of c and the Pareto line through it, as in figure 3 of Popov et al. (2018)."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from privatune.attacks.tail import NOT_REJECTED, Pareto, epsilon
from privatune.report.frames import read_table
from privatune.report.style import GENERAL, GREY, PAGE, PAPER, SMALL, USER, drawing

COLUMNS = "pair direction texts threshold alpha c verdict".split()
ESTIMATED, HIGH = "estimated_epsilon_", "estimated_epsilon_high_"  # beginnings of columns, which end in the delta
MOST = 4  # the most pairs that are drawn; the table has them all


@drawing()
def figure(tail: str | Path, curves: str | Path) -> Figure:
    """Draw one row per pair and one column per direction: the share of texts with log c of at least x, and the line."""
    fits = read_table(tail, COLUMNS)
    points = read_table(curves, "pair direction log_c share".split())
    fits = fits[fits["pair"].isin(fits["pair"].unique()[:MOST])]
    rows, columns = fits["pair"].nunique(), fits["direction"].nunique()
    drawn = Figure(figsize=(PAGE, 0.85 + 1.9 * rows))
    panels = drawn.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flat
    for axes, (_, fit) in zip(panels, fits.iterrows(), strict=True):
        mine = points[(points["pair"] == fit["pair"]) & (points["direction"] == fit["direction"])]
        _panel(axes, fit, mine[mine["log_c"] >= min(0.0, fit["threshold"])])
        if axes.get_subplotspec().is_last_row():
            axes.set_xlabel("x = log c of a text (nats)")
        if axes.get_subplotspec().is_first_col():
            axes.set_ylabel("share of texts with log c ≥ x")
    lines = {str(line.get_label()): line for axes in drawn.axes for line in axes.get_lines()}
    drawn.legend(list(lines.values()), list(lines), loc="outside lower center", ncols=min(3, len(lines)))
    return drawn


def _panel(axes: Axes, fit: pd.Series, points: pd.DataFrame) -> None:
    axes.set_yscale("log")
    axes.set_xmargin(0.2)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_title(f"pair {fit['pair']}, {fit['direction']}: Pareto tail {fit['verdict']}")
    axes.plot(points["log_c"], points["share"], ".", color=GENERAL, markersize=2.5, label="texts")
    axes.axvline(fit["threshold"], color=GREY, linewidth=0.8, linestyle=":", label="threshold")
    if pd.isna(fit["alpha"]):
        return
    line = Pareto(fit["alpha"], fit["c"])
    first, last = (points.loc[points["log_c"] >= fit["threshold"], "share"].agg(end) for end in ("max", "min"))
    axes.plot([epsilon(line, share) for share in (first, last)], [first, last], color=USER, label="Pareto line")
    if fit["verdict"] != NOT_REJECTED:
        return
    names = [name.removeprefix(HIGH) for name, high in fit.items() if name.startswith(HIGH) and pd.notna(high)]
    if not names:
        return
    deltas, marks, highs = zip(*sorted((float(n), fit[ESTIMATED + n], fit[HIGH + n]) for n in names), strict=True)
    ends = [epsilon(line, share) for share in (last, min(deltas[0], last))]
    axes.plot(
        ends, [last, min(deltas[0], last)], "--", color=USER, linewidth=0.9, label="extrapolated beyond the sample"
    )
    axes.hlines(deltas, marks, highs, color=USER, linewidth=0.9)
    axes.plot(highs, deltas, "|", color=USER, label="estimated epsilon at the upper limit of the shape")
    axes.plot(marks, deltas, "o", color=USER, markerfacecolor=PAPER, label="estimated epsilon at delta")
    for at, high, delta in zip(marks, highs, deltas, strict=True):
        axes.annotate(
            f"{at:.2f} to {high:.2f}",
            (max(at, high), delta),
            (4, 3),
            textcoords="offset points",
            color=USER,
            fontsize=SMALL,
        )
