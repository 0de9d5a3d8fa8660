"""Draw the accuracy of every method at every epsilon."""

from pathlib import Path

from matplotlib.figure import Figure

from privatune.report.classifiers import labels
from privatune.report.columns import SHARED
from privatune.report.frames import read_table
from privatune.report.looks import bars, baselines, by_epsilon, one_legend
from privatune.report.style import GREY, PAGE, SMALL, drawing, name
from privatune.systems.dpzero.names import level

COLUMNS = ("set method name epsilon delta steps accuracy accuracy_low accuracy_high majority zero_shot scope").split()


@drawing()
def figure(accuracies: str | Path) -> Figure:
    """Draw one panel per set, with one line of points per method: means over seeds with their 95 % intervals."""
    rows = read_table(accuracies, COLUMNS)
    rows = rows[rows["method"].notna()]
    called = labels(rows)
    order = list(called)
    sets = list(dict.fromkeys(rows["set"]))
    drawn = Figure(figsize=(PAGE, 1.3 + 0.26 * max(4, len(called))))
    panels = drawn.subplots(1, max(1, len(sets)), sharey=True, squeeze=False)[0]
    series = list(by_epsilon(rows, rows["epsilon"].map(level)))
    for axes, of_set in zip(panels, sets, strict=False):
        for number, (label, colour, marker, of_epsilon) in enumerate(series):
            shift = 0.22 * (number - (len(series) - 1) / 2)
            points = of_epsilon[of_epsilon["set"] == of_set]
            heights = [order.index(method) + shift for method in points["method"]]
            axes.errorbar(
                points["accuracy"], heights, xerr=bars(points, "accuracy"), color=colour, marker=marker, markersize=3.5,
                linestyle="none", label=label,
            )  # fmt: skip
        for label, (value, line) in baselines(rows[rows["set"] == of_set]).items():
            axes.axvline(value, color=GREY, linestyle=line, linewidth=1, label=label)
        axes.set(xlabel=SHARED["accuracy"].heading, title=name(str(of_set)))
        axes.tick_params(axis="y", labelsize=SMALL)
    panels[0].set_yticks(range(len(order)), list(called.values()))
    panels[0].invert_yaxis()
    one_legend(drawn, panels)
    return drawn
