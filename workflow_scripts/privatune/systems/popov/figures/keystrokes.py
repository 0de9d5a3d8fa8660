"""Draw the keystrokes saved by every model, in this run and in the paper."""

from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from privatune.report.frames import read_table
from privatune.report.style import GENERAL, GREY, PAGE, PAPER, USER, drawing, name

COLUMNS = "scenario seed round kss_general kss_user paper_kss_general paper_kss_user".split()


@drawing()
def figure(comparison: str | Path) -> Figure:
    """Draw one row per evaluated model: its keystroke saving rate (%) on general and user text, one dot per replicate.

    A tick of the same colour shows the paper's figure.
    """
    models = read_table(comparison, COLUMNS)
    rows = list(models.groupby(["scenario", "round"], sort=False))
    drawn = Figure(figsize=(PAGE, 0.9 + 0.21 * len(rows)))
    axes = drawn.subplots()
    labels = []
    for place, ((scenario, number), replicates) in enumerate(rows):
        labels.append(name(scenario) + (f", round {number}" if number else ""))
        ours = replicates[["kss_general", "kss_user"]].mean()
        axes.plot(ours, [place, place], color="#bbbbbb", linewidth=1, zorder=1)
        for text, colour in (("general", GENERAL), ("user", USER)):
            axes.plot(replicates[f"kss_{text}"], [place] * len(replicates), "o", color=colour, markeredgecolor=PAPER)
            axes.plot(
                replicates[f"paper_kss_{text}"][:1], [place], "|", color=colour, markersize=9, markeredgewidth=1.6
            )
    axes.set_yticks(range(len(rows)), labels)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, steps=[1, 2, 5, 10]))
    axes.set_xlabel("keystrokes saved with three suggestions (%)")
    handles = [
        Line2D(
            [], [], color=colour, marker=marker, linestyle="none", markersize=size, markeredgewidth=width, label=label
        )
        for label, colour, marker, size, width in (
            ("general text", GENERAL, "o", 4.5, 1),
            ("held-out users' text", USER, "o", 4.5, 1),
            ("the paper's figure", GREY, "|", 9, 1.6),
        )
    ]
    drawn.legend(handles=handles, loc="outside upper center", ncols=3)
    return drawn
