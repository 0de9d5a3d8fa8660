"""The kinds of charts that systems show on the page: means with their intervals, and curves through measured points."""

from collections.abc import Sequence

import altair as alt
import pandas as pd

HEIGHT = 300
ROW = 26  # pixels for each label of a chart of means
TICKS = 8  # about as many
SCALE = alt.Scale(zero=False, nice=True)
LOGARITHMIC = alt.Scale(type="log", nice=False, padding=12)


def means(frame: pd.DataFrame, heading: str, series: str, more: Sequence[str], choice: str) -> alt.LayerChart:
    """Draw a mean and its 95 % interval for each label, with one colour and shape per series.

    Args:
        frame: has columns `label` (in the order of the rows), `value`, `low`, `high`, the series and `more`.
        heading: of the axis of values.
        series: the column that the colour follows; null is not drawn.
        more: further columns that a hover shows.
        choice: a column of which the reader chooses one value, the first one at the beginning.
    """
    options = list(dict.fromkeys(frame[choice])) or [""]
    chosen = alt.param(name=choice, bind=alt.binding_select(options=options, name=f"{choice} "), value=options[0])
    base = alt.Chart(frame).add_params(chosen).transform_filter(f"datum['{choice}'] === {choice}")
    rows = frame[frame[choice] == options[0]]
    order = list(dict.fromkeys(frame[series].dropna()))
    own = _named(order)
    base = base.encode(
        y=alt.Y("label:N", sort=list(dict.fromkeys(frame["label"])), title=None),
        yOffset=alt.YOffset(f"{series}:N", sort=order),
        tooltip=[*_described(frame, ["label", series, *more]), *_numbers(["value", "low", "high"])],
    )
    points = base.mark_point(filled=True, size=50, opacity=1).encode(
        x=alt.X("value:Q", scale=SCALE, title=heading, axis=alt.Axis(tickCount=TICKS)),
        color=alt.Color(f"{series}:N", scale=own, title=None),
        shape=alt.Shape(f"{series}:N", scale=own, title=None),
    )
    whiskers = base.mark_rule().encode(x=alt.X("low:Q", title=heading, axis=alt.Axis(tickCount=TICKS)), x2="high:Q")
    return (whiskers + points).properties(width="container", height=ROW * max(4, rows["label"].nunique()))


def curves(
    frame: pd.DataFrame,
    x: tuple[str, str],
    y: tuple[str, str],
    colour: str,
    dash: str,
    more: Sequence[str] = (),
    logarithmic: str = "",
) -> alt.LayerChart:
    """Draw a line through the points of each name, in the order of the column `place`.

    A click on the legend leaves one colour and pales the others.

    Args:
        frame: has columns `name`, `place`, those of both axes, of `colour` and `dash`, and `more`; a row without a
            place on both axes is left out.
        x, y: the column of an axis and its heading.
        colour, dash: the columns that colour and dash of a line follow.
        more: further columns that a hover shows.
        logarithmic: the axes that are, such as `xy`.
    """
    order = list(dict.fromkeys(frame[colour]))
    picked = alt.selection_point(fields=[colour], bind="legend")
    own = _named(order)
    scales = [LOGARITHMIC if axis in logarithmic else SCALE for axis in "xy"]
    base = (
        alt.Chart(frame.dropna(subset=[x[0], y[0]]))
        .add_params(picked)
        .encode(
            x=alt.X(f"{x[0]}:Q", scale=scales[0], title=x[1], axis=alt.Axis(tickCount=TICKS)),
            y=alt.Y(f"{y[0]}:Q", scale=scales[1], title=y[1], axis=alt.Axis(tickCount=TICKS)),
            color=alt.Color(f"{colour}:N", scale=own, title=None),
            opacity=alt.condition(picked, alt.value(1), alt.value(0.15)),
        )
    )
    lines = base.mark_line(strokeWidth=1.5).encode(
        detail="name:N",
        order="place:Q",
        strokeDash=alt.StrokeDash(f"{dash}:N", sort=list(dict.fromkeys(frame[dash])), title=None),
    )
    points = base.mark_point(filled=True, size=45).encode(
        shape=alt.Shape(f"{colour}:N", scale=own, title=None),
        tooltip=[*_described(frame, ["name", *more]), *_numbers([x[0], y[0]])],
    )
    return (lines + points).properties(width="container", height=HEIGHT)


def _named(values: Sequence[str]) -> alt.Scale:
    """A scale of names, which are stated so that one legend shows both colour and shape."""
    return alt.Scale(domain=list(values))


def _described(frame: pd.DataFrame, columns: Sequence[str]) -> list[alt.Tooltip]:
    """Hovers of columns of text and numbers, named as they are."""
    numeric = set(frame.select_dtypes("number"))
    return [
        alt.Tooltip(f"{column}:Q", format=",.4~r") if column in numeric else alt.Tooltip(f"{column}:N")
        for column in dict.fromkeys(columns)
    ]


def _numbers(columns: Sequence[str]) -> list[alt.Tooltip]:
    return [alt.Tooltip(f"{column}:Q", format=",.4~r") for column in columns]
