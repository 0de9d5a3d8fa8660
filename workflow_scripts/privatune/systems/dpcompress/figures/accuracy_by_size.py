"""Draw the accuracy of exported classifiers against their size and against the time that a sentence takes."""

from pathlib import Path

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from privatune.report.classifiers import at, labels
from privatune.report.columns import SHARED
from privatune.report.frames import read_table
from privatune.report.looks import bars, one_legend
from privatune.report.style import GREY, PAGE, PAPER, Look, drawing
from privatune.systems.dpcompress.looks import looks

COLUMNS = (
    "method name steps epsilon target delta accuracy accuracy_low accuracy_high bytes_safetensors bytes_sparse "
    "bytes_int8 seconds_onnx seconds_onnx_low seconds_onnx_high seconds_int8 seconds_int8_low seconds_int8_high "
    "accuracy_torch accuracy_int8"
).split()
PRECISIONS = {"onnx": "filled: float32", "int8": "hollow: int8"}
AXES = {"size": "size of the stored model, MB", "seconds": "time per sentence, ms"}


@drawing()
def figure(accuracies: str | Path) -> Figure:
    """Draw two panels, by size and by time; a line joins float32 and int8 of one method."""
    rows = read_table(accuracies, COLUMNS)
    chosen = looks(rows)
    rows = rows[rows["bytes_safetensors"].notna()]
    called = labels(rows)
    drawn = Figure(figsize=(PAGE, 2.9 + 0.16 * (len(called) + 1) // 2))
    panels = drawn.subplots(1, 2, sharey=True)
    apart = 0.006 * rows["bytes_safetensors"].max() / 1e6  # or intervals of models of one size would hide each other
    for number, (_, row) in enumerate(rows.iterrows()):
        points = _points(row)
        points[["size", "size_low", "size_high"]] += apart * (number - (len(rows) - 1) / 2)
        for axes, across in zip(panels, AXES, strict=True):
            _draw(axes, points, across, chosen[row["method"]], called[row["method"]])
    for axes, heading in zip(panels, AXES.values(), strict=True):
        axes.set_xlabel(heading)
        axes.set_xlim(left=0)
        for label, face in zip(PRECISIONS.values(), (GREY, PAPER), strict=True):
            axes.plot([], [], "o", color=GREY, markerfacecolor=face, markersize=4, label=label)
    panels[0].set_ylabel(SHARED["accuracy"].heading)
    stated = "; ".join(f"epsilon {target:g}, {at(of_target)}" for target, of_target in rows.groupby("target"))
    panels[0].set_title(stated)
    one_legend(drawn, panels)
    return drawn


def _points(row: pd.Series) -> pd.DataFrame:
    """Return what is drawn of a method, a row per precision: accuracy, size and time, with the ends of intervals."""
    dense = row["bytes_safetensors"] if pd.isna(row["bytes_sparse"]) else row["bytes_sparse"]
    made = []
    for precision, size in (("onnx", dense), ("int8", row["bytes_int8"])):
        # only one seed is exported: what int8 changes of it moves the mean of all seeds
        change = row["accuracy_int8"] - row["accuracy_torch"] if precision == "int8" else 0.0
        point = {f"accuracy{end}": row[f"accuracy{end}"] + change for end in ("", "_low", "_high")}
        point |= {f"seconds{end}": 1000 * row[f"seconds_{precision}{end}"] for end in ("", "_low", "_high")}
        made.append(point | {f"size{end}": size / 1e6 for end in ("", "_low", "_high")})
    return pd.DataFrame(made)


def _draw(axes: Axes, points: pd.DataFrame, across: str, look: Look, label: str) -> None:
    axes.plot(points[across], points["accuracy"], color=look.colour, linewidth=0.6, linestyle=":")
    for place, face in enumerate((look.colour, PAPER)):
        point = points.iloc[[place]]
        axes.errorbar(
            point[across], point["accuracy"], bars(point, "accuracy"), bars(point, across), color=look.colour,
            marker=look.marker, markerfacecolor=face, markersize=4, linestyle="none", elinewidth=0.7,
            label=None if place else label,
        )  # fmt: skip
