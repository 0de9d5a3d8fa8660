"""Draw the accuracy of the methods that are trained at several epsilons against epsilon."""

from pathlib import Path

from matplotlib.figure import Figure

from privatune.report.classifiers import at, labels
from privatune.report.columns import SHARED
from privatune.report.frames import read_table
from privatune.report.looks import WITHOUT, bars, one_legend
from privatune.report.style import PAGE, drawing
from privatune.systems.dpcompress.looks import looks, most_epsilons

COLUMNS = "method name steps epsilon target delta accuracy accuracy_low accuracy_high bytes_safetensors".split()


@drawing()
def figure(accuracies: str | Path) -> Figure:
    """Draw a curve for each method that has the most epsilons, which may be one; to the right are their twins."""
    rows = read_table(accuracies, COLUMNS)
    chosen = looks(rows)
    rows = rows[rows["method"].isin(most_epsilons(rows))]
    targets = sorted(set(rows["target"].dropna()))
    called = labels(rows)
    drawn = Figure(figsize=(PAGE, 2.6 + 0.16 * ((len(called) + 1) // 2)))
    axes = drawn.subplots()
    for number, (method, label) in enumerate(called.items()):
        curve = rows[rows["method"] == method].sort_values("target")
        places = curve["target"].map({target: place for place, target in enumerate(targets)}).fillna(len(targets))
        places += 0.4 * (number - (len(called) - 1) / 2) / len(called)  # or intervals would hide each other
        for part in (curve["target"].notna(), curve["target"].isna()):  # no line joins a method and its twin
            axes.errorbar(
                places[part], curve.loc[part, "accuracy"], bars(curve[part], "accuracy"), color=chosen[method].colour,
                marker=chosen[method].marker, markersize=3.5, linewidth=0.8, label=label,
            )  # fmt: skip
    axes.set_xticks(range(len(targets) + 1), [*(f"{target:g}" for target in targets), WITHOUT])
    axes.set(xlabel=f"epsilon ({stated})" if (stated := at(rows)) else "", ylabel=SHARED["accuracy"].heading)
    one_legend(drawn, [axes])
    return drawn
