"""Draw the accuracy against the empirical privacy, a curve per split and importance."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from privatune.report.columns import SHARED
from privatune.report.frames import read_table
from privatune.report.style import COLOURS, GREY, PAGE, drawing
from privatune.systems.split.columns import ATTACKS, OWN

COLUMNS = "split_after kappa importance seed accuracy empirical_privacy best majority".split()
LINES: dict[str, Any] = {"none": "-", "cti": "--", "public": ":"}
MARKERS = dict(zip(ATTACKS.values(), "osv^D", strict=True))


@drawing()
def figure(split: str | Path) -> Figure:
    """Draw means over seeds; a curve begins without noise, and its marker tells the attack that is most often best."""
    rows = read_table(split, COLUMNS)
    drawn = Figure(figsize=(PAGE, 3.6))
    axes = drawn.subplots()
    cuts = sorted(set(rows["split_after"]))
    handles = []
    for colour, cut in zip(COLOURS, cuts, strict=False):
        of_cut = rows[rows["split_after"] == cut]
        for importance in dict.fromkeys(of_cut["importance"]):
            of_curve = of_cut[(of_cut["importance"] == importance) | of_cut["kappa"].isna()]
            levels = of_curve.assign(level=of_curve["kappa"].fillna(0.0)).groupby("level")
            means = levels[["empirical_privacy", "accuracy"]].mean()
            line = LINES.get(importance, "-")
            axes.plot(means["empirical_privacy"], means["accuracy"], line, color=colour)
            for level, of_level in levels:
                best = of_level["best"].mode().iloc[0] if of_level["best"].notna().any() else ""
                axes.plot(*means.loc[level], MARKERS.get(best, "."), color=colour, markersize=4)
        handles.append(Line2D([], [], color=colour, label="embedding" if not cut else f"after block {cut}"))
    handles += [
        Line2D([], [], color=GREY, linestyle=LINES[name], label=f"importance {name}")
        for name in LINES
        if (rows["importance"] == name).any()
    ]
    present = set(rows["best"].dropna())
    handles += [
        Line2D([], [], color=GREY, linestyle="", marker=marker, markersize=4, label=f"best attack: {name}")
        for name, marker in MARKERS.items()
        if name in present
    ]
    if len(rows):
        axes.axhline(rows["majority"].mean(), color=GREY, linestyle=":", linewidth=0.8)
    axes.set(xlabel=OWN["empirical_privacy"].heading, ylabel=SHARED["accuracy"].heading, xlim=(-0.02, 1.02))
    drawn.legend(handles=handles, loc="outside right upper")
    return drawn
