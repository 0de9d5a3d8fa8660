"""The explorer: all models of all systems, filtered by what a reader can afford, with the frontier drawn."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt

from privatune.report.page.said import COSTS

HEIGHT = 360
ANY = 1e15  # a limit that everything meets
LIMITS = {
    "megabytes": "Megabytes of all devices at most ",
    "seconds": "Seconds at most ",
    "epsilon": "Epsilon at most ",
}
HOVER = (
    "name:N task:N quality:Q low:Q high:Q seeds:Q sources:N megabytes:Q megabytes_up:Q seconds:Q memory_mb:Q "
    "stored_mb:Q epsilon:Q delta:Q guarantee:N recovered:Q"
).split()
FIELDS = {field.partition(":")[0] for field in HOVER} | {"better", "proved"}
ORDER: list[Any] = [alt.SortField("paid"), alt.SortField("loss")]
PROVED = ["epsilon proved", "no epsilon"]


def explorer(models: Sequence[Mapping[str, Any]]) -> alt.LayerChart:
    """Draw the models of one task by quality and one cost; the reader chooses both, and the limits of all costs.

    A model is on the frontier if no other that is shown costs as little or less and is better. One that costs nothing
    is a level across the chart, whose axis of costs is logarithmic. A model of which a limited cost is not known is
    left out.

    Args:
        models: records as `privatune.report.page.said.point` makes them, at least one.
    """
    rows = [{key: value for key, value in row.items() if key in FIELDS} | {"proved": _proved(row)} for row in models]
    costs = {cost: text for cost, text in COSTS.items() if any(row[cost] is not None for row in rows)}
    tasks = list(dict.fromkeys(row["task"] for row in rows))
    chosen = [_select("task", tasks, tasks, "Quality "), _select("cost", list(costs), list(costs.values()), "Cost ")]
    limited = [cost for cost in LIMITS if cost in costs]
    lower = {row["task"] for row in rows if row["better"] == "lower"}
    base = (
        alt.Chart(alt.Data(values=rows))
        .add_params(*chosen, *(_limit(cost, [row[cost] for row in rows]) for cost in limited))
        .transform_filter("datum.task === task && isValid(datum[cost]) && isValid(datum.quality)")
        .transform_filter(" && ".join(map(_within, limited)) or "true")
        .transform_calculate(paid="datum[cost]", loss="(datum.better === 'lower' ? 1 : -1) * datum.quality")
        .transform_window(least="min(loss)", sort=ORDER, frame=[None, 0])
        .transform_window(before="lag(least)", sort=ORDER)
        .transform_calculate(frontier="!isValid(datum.before) || datum.loss < datum.before")
    )
    x = alt.X(
        "paid:Q",
        scale=alt.Scale(type="log", nice=False, padding=20),
        title="cost (logarithmic)",
        axis=alt.Axis(tickCount=8),
    )
    y = alt.Y("quality:Q", scale=alt.Scale(zero=False), title="quality")
    paid, free = base.transform_filter("datum.paid > 0"), base.transform_filter("datum.paid <= 0 && datum.frontier")
    front = paid.transform_filter("datum.frontier").encode(x=x, y=y)
    points = paid.encode(
        x=x,
        y=y,
        color=alt.Color("proved:N", scale=alt.Scale(domain=PROVED), title=None),
        shape=alt.Shape("proved:N", scale=alt.Scale(domain=PROVED), title=None),
        opacity=alt.condition("datum.frontier", alt.value(1), alt.value(0.35)),
        tooltip=[alt.Tooltip(field, format=",.4~r") if field.endswith("Q") else alt.Tooltip(field) for field in HOVER],
    )
    whiskers = front.encode(x=x, y=alt.Y("low:Q", title="quality"), y2="high:Q").mark_rule(opacity=0.5)
    away = alt.ExprRef(f"indexof({json.dumps(sorted(lower))}, task) < 0 ? -9 : 11")  # from the line of the frontier
    names = front.mark_text(align="left", dx=6, dy=away, fontSize=10, limit=150).encode(
        text=alt.condition("width < 400", alt.value(""), "name:N")
    )
    line = front.mark_line(interpolate="step-after", strokeWidth=1.5, strokeDash=[5, 3])
    level = free.encode(y=y).mark_rule(strokeDash=[1, 3])
    called = free.encode(y=y, text="name:N").mark_text(align="left", x=4, dy=-6, fontSize=10)
    drawn = whiskers + line + level + called + points.mark_point(filled=True, size=60) + names
    return drawn.properties(width="container", height=HEIGHT)


def _proved(row: Mapping[str, Any]) -> str:
    return PROVED[row["epsilon"] is None]


def _select(name: str, options: Sequence[Any], labels: Sequence[str], shown: str) -> alt.Parameter:
    binding = alt.binding_select(options=list(options), labels=list(labels), name=shown)
    return alt.param(name=name, bind=binding, value=options[0])


def _within(cost: str) -> str:
    """Whether a model keeps the limit of a cost, in the language of Vega."""
    return f"(max_{cost} >= {ANY:.0f} || (isValid(datum.{cost}) && datum.{cost} <= max_{cost}))"


def _limit(cost: str, values: Sequence[float | None]) -> alt.Parameter:
    """The limits of a cost that a reader can choose: 1, 3, 10, 30 and so on, as far as they leave some models out."""
    known = sorted(value for value in values if value is not None and value > 0)
    steps = [digit * 10.0**power for power in range(-3, 7) for digit in (1, 3)]
    useful = [step for step in steps if known and known[0] <= step < known[-1]]
    return _select(f"max_{cost}", [ANY, *useful], ["any", *(f"{step:g}" for step in useful)], LIMITS[cost])
