"""What the system says on the page: the quality of language models whose training protects whole persons."""

import math
from collections.abc import Iterator
from typing import Any, Literal

import altair as alt
import pandas as pd

from privatune.report.columns import ACCOUNTANTS, digits
from privatune.report.intervals import mean
from privatune.report.page.charts import means
from privatune.report.page.said import Model, Picture, Said, number, spread
from privatune.report.style import name
from privatune.report.verdicts import Tables

TITLE = "DP-FedAvg (Ramaswamy et al. 2020)"
QUESTION = "what does a guarantee for each person cost?"
MEASURES: dict[str, tuple[str, Literal["higher", "lower"]]] = {
    "recall1_user": ("user top-1 recall, %", "higher"),
    "ppl_user": ("user PPL, words", "lower"),
}
TABLES = {
    "comparison_dpfedavg": [
        *"scenario seed epsilon delta adjacency noise_multiplier covered population bits_up bits_down".split(),
        *MEASURES,
    ],
    "accounting": "source sampling adjacency population delta accountant epsilon".split(),
    "ledger": "model epsilon_so_far delta".split(),
}
PROVED, NONE = "with an epsilon", "without an epsilon"
THREE = digits(3)


def said(tables: Tables) -> Said:
    """Name each epsilon with its recall, beside the models without noise and the model of public text."""
    runs = tables["comparison_dpfedavg"]
    models = list(_models(runs))
    recalls = [model for model in models if model.task.endswith(MEASURES["recall1_user"][0])]
    private = sorted((m for m in recalls if not math.isnan(m.epsilon)), key=lambda model: model.epsilon)
    others = [model for model in recalls if math.isnan(model.epsilon)]
    parts = [f"{spread(m.quality)} % at epsilon {THREE(m.epsilon)} (delta {THREE(m.delta)})" for m in private]
    answer = f"User top-1 recall is {', '.join(parts)}" if parts else "No model with an epsilon was trained"
    if others:
        answer += "; without an epsilon it is " + ", ".join(f"{spread(m.quality)} % ({m.name})" for m in others)
    persons = runs["population"].max()
    return Said(
        asked=f"Devices of {number(persons, 0)} persons trained a language model in rounds; in some variants their "
        "updates were clipped and noise was added to the sum, so that an epsilon bounds what the model tells about "
        "all text of one person.",
        answer=f"{answer}. {_together(tables['ledger'])}",
        rule="The rule: every variant is named, those with an epsilon first, from the smallest. Brackets hold 95 % "
        "intervals over seeds and text. Seeds are public unless `secure: true`, so these models show the method and "
        "protect nobody.",
        pictures=[_picture(models), _population(tables["accounting"])],
        table=_table(models),
        caption="Each variant, with the mean over seeds. What is proved holds for one model alone.",
        models=models,
    )


def _together(ledger: pd.DataFrame) -> str:
    if ledger.empty:
        return ""
    last = ledger.iloc[-1]
    if math.isfinite(last["epsilon_so_far"]):
        return f"All models together: epsilon {THREE(last['epsilon_so_far'])} (delta {THREE(last['delta'])})."
    return "All models of this run together have no finite epsilon, since some have no noise."


def _models(runs: pd.DataFrame) -> Iterator[Model]:
    for measure, (text, better) in MEASURES.items():
        for scenario, rows in runs.groupby("scenario", sort=False):
            first = rows.iloc[0]
            proved = not math.isnan(first["epsilon"])
            stated: dict[str, Any] = {"guarantee": "public text" if first["covered"] == "public text" else "nothing"}
            if proved:
                stated = {"epsilon": float(first["epsilon"]), "delta": float(first["delta"])}
                stated["guarantee"] = f"one person's text: {first['adjacency']}"
            yield Model(
                f"dpfedavg: {text}",
                name(str(scenario)),
                mean(rows, measure),
                better,
                listed=measure == "recall1_user",
                megabytes=float((rows["bits_up"] + rows["bits_down"]).mean()) / 8e6,
                megabytes_up=float(rows["bits_up"].mean()) / 8e6,
                **stated,
            )


def _called(model: Model) -> str:
    if math.isnan(model.epsilon):
        return model.name
    return f"{model.name}: epsilon {THREE(model.epsilon)} (delta {THREE(model.delta)})"


def _picture(models: list[Model]) -> Picture:
    rows = [
        {
            "measure": model.task.partition(": ")[2],
            "label": _called(model),
            "value": model.quality.middle,
            "low": model.quality.low,
            "high": model.quality.high,
            "kind": NONE if math.isnan(model.epsilon) else PROVED,
            "proved": model.guarantee,
        }
        for model in models
    ]
    frame = pd.DataFrame(rows, columns="measure label value low high kind proved".split())
    return Picture(
        means(frame, "mean over seeds", "kind", ["proved"], "measure"),
        "The quality of every variant with its 95 % interval. The table below has the figures.",
        "Higher recall and lower perplexity are better. Bars are 95 % intervals over seeds and text.",
    )


def _table(models: list[Model]) -> pd.DataFrame:
    half = models[: len(models) // len(MEASURES)]
    frame = pd.DataFrame({"variant": [_called(model) for model in half], "what is proved": [m.guarantee for m in half]})
    for text, _ in MEASURES.values():
        frame[text] = [spread(model.quality) for model in models if model.task.endswith(text)]
    return frame


def _population(accounting: pd.DataFrame) -> Picture:
    """Epsilon by population, of which the reader chooses one; an epsilon for fewer persons holds for more, too."""
    frame = accounting.sort_values("population", kind="stable").reset_index(drop=True)
    sources = frame["source"].map({"as_paper": "as the paper", "ours": "ours"})
    frame["accounting"] = sources + ", " + frame["sampling"] + ", " + frame["accountant"].map(ACCOUNTANTS)
    sizes = sorted(set(frame["population"]))
    frame["next"] = frame["population"].map(
        dict(zip(sizes, [*sizes[1:], 10 * sizes[-1]], strict=True)) if sizes else {}
    )
    frame["says"] = [
        f"epsilon {THREE(e)} (delta {THREE(d)})" for e, d in zip(frame["epsilon"], frame["delta"], strict=True)
    ]
    least, most = (int(size) for size in (sizes[0], sizes[-1])) if sizes else (1, 1)
    slider = alt.binding_range(min=least, max=most, step=max(1, least // 4), name="persons ")
    persons = alt.param(name="persons", bind=slider, value=least)
    frame["late"] = frame["epsilon"] > (frame["epsilon"].min() * frame["epsilon"].max()) ** 0.5
    frame = frame[["accounting", "population", "next", "adjacency", "epsilon", "delta", "says", "late"]]
    base = alt.Chart(frame).encode(y=alt.Y("accounting:N", title=None))
    chosen = base.add_params(persons).transform_filter("datum.population <= persons && persons < datum.next")
    x = alt.X("epsilon:Q", scale=alt.Scale(type="log", padding=12), title="epsilon, at delta = 1 / (10 N) or N^-1.1")
    every = base.mark_tick(opacity=0.35).encode(x=x)
    point = chosen.mark_point(filled=True, size=70, opacity=1).encode(
        x=x, tooltip=["says:N", "adjacency:N", "population:Q"]
    )
    early, late = (chosen.transform_filter(side).encode(x=x, text="says:N") for side in ("!datum.late", "datum.late"))
    words = early.mark_text(align="left", dx=8, fontSize=10) + late.mark_text(align="right", dx=-8, fontSize=10)
    return Picture(
        (every + point + words).properties(width="container", height=26 * max(3, frame["accounting"].nunique())),
        "Epsilon of the paper's training by the number of persons, for each way of accounting, at the delta that the "
        "hover shows. The table accounting has the figures.",
        "Move the slider to a number of persons N. Epsilons are those of the table accounting for the largest N that "
        "is not above the slider, so they are upper bounds. As the paper: its delta is N^-1.1; ours is 1 / (10 N).",
    )
