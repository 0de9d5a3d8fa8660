"""What the main experiment says on the page: what fine-tuning gains on people's text, and what it forgets."""

from typing import Any, Literal

import pandas as pd

from privatune.report.columns import show
from privatune.report.intervals import Error, Interval, interval
from privatune.report.page.charts import curves
from privatune.report.page.said import Model, Picture, Said, number, spread
from privatune.report.style import name
from privatune.report.tables.corpora import PRIVATE
from privatune.report.verdicts import Tables

TITLE = "Fine-tuning on devices"
QUESTION = "what does a language model gain on people's own text, and what does it forget?"
TABLES = {
    "comparison": (
        "scenario seed round ppl_general ppl_user ppl_average kss_user bits_up bits_down ppl_average_se kss_user_se "
        "clusters_general clusters_user paper_ppl_general paper_ppl_user"
    ).split(),
    "client_costs": "scenario seconds peak_memory_mb".split(),
    "corpora": "corpus part units tokens".split(),
}
TASKS: dict[str, tuple[str, Literal["higher", "lower"]]] = {
    "ppl_average": ("average PPL of words", "lower"),
    "kss_user": ("user KSS, %", "higher"),
}
SHOWN = "scenario round ppl_general ppl_user ppl_average kss_user bits_up bits_down".split()
GUARANTEE = "nothing; text stays on the device"


def said(tables: Tables) -> Said:
    """Name the model with the lowest average perplexity, beside the one before fine-tuning."""
    models = tables["comparison"]
    groups = [
        (str(name), int(number), rows) for (name, number), rows in models.groupby(["scenario", "round"], sort=False)
    ]
    last = models.groupby("scenario")["round"].transform("max") == models["round"]
    best = min(groups, key=lambda group: group[2]["ppl_average"].mean())
    start = models[models["round"] == 0]
    before = f" against {number(start['ppl_average'].mean(), 0)} before fine-tuning" if len(start) else ""
    return Said(
        asked=_asked(tables["corpora"], models),
        answer=(
            f"The model with the lowest perplexity on general and people's text together is {name(best[0])} after "
            f"{best[1]} rounds: {spread(_quality(best[2], 'ppl_average'), 0)}{before}. On people's own text it is "
            f"{_beside(best[2], start, 'ppl_user')}, on general text {_beside(best[2], start, 'ppl_general')}."
        ),
        rule="The rule: of all evaluated models, the one with the lowest average perplexity of words, by its mean "
        "over seeds. Brackets hold the 95 % interval; with one seed it covers the choice of text alone.",
        pictures=[_picture(models)],
        table=show(models[last], SHOWN),
        caption="The last model of each scenario. PPL is the perplexity of words, KSS the share of keystrokes that "
        "three suggestions save; megabytes count all devices and all rounds.",
        models=[model for group in groups for model in _models(group, tables["client_costs"], models)],
    )


def _asked(corpora: pd.DataFrame, models: pd.DataFrame) -> str:
    private = corpora[corpora["corpus"] == PRIVATE].set_index("part")
    public = corpora[(corpora["corpus"] != PRIVATE) & (corpora["part"] == "train")]["tokens"].sum()
    train, heldout = (private.reindex([part])[["units", "tokens"]].fillna(0).iloc[0] for part in ("train", "heldout"))
    return (
        f"A language model learned from up to {number(public, 0)} words of public text, and devices of "
        f"{number(train['units'], 0)} persons then fine-tuned it on {number(train['tokens'], 0)} words of their own, "
        f"which stay on the devices, in {models.loc[models['round'] > 0, 'scenario'].nunique()} ways. "
        f"Each model is measured on general text and on text of {number(heldout['units'], 0)} persons who never took "
        "part. No epsilon covers these counts and measures."
    )


def _beside(rows: pd.DataFrame, start: pd.DataFrame, measure: str) -> str:
    before = f" against {number(start[measure].mean(), 0)}" if len(start) else ""
    return f"{number(rows[measure].mean(), 0)}{before}"


def _quality(rows: pd.DataFrame, measure: str) -> Interval:
    """The mean over seeds; the error of the text is that of one model, since all are measured on the same text."""
    least = min(float(rows[clusters].min()) for clusters in ("clusters_general", "clusters_user"))
    error = float(rows[f"{measure}_se"].mean())
    return interval(rows[measure].astype(float), Error(error**2, least - 1) if error == error and least > 1 else None)


def _models(group: tuple[str, int, pd.DataFrame], clients: pd.DataFrame, models: pd.DataFrame) -> list[Model]:
    scenario, round_, rows = group
    own = clients[clients["scenario"] == scenario]
    costs: dict[str, Any] = {
        "megabytes": float((rows["bits_up"] + rows["bits_down"]).mean()) / 8e6,
        "megabytes_up": float(rows["bits_up"].mean()) / 8e6,
        "seconds": float(own["seconds"].mean()),
        "memory_mb": float(own["peak_memory_mb"].mean()),
        "listed": round_ == models.loc[models["scenario"] == scenario, "round"].max(),
        "guarantee": GUARANTEE if round_ else "public text",
    }
    listed = costs.pop("listed")
    return [
        Model(
            f"main: {text}",
            f"{name(scenario)}, round {round_}",
            _quality(rows, measure),
            better,
            listed=listed and measure == "ppl_average",
            **costs,
        )
        for measure, (text, better) in TASKS.items()
    ]


def _picture(models: pd.DataFrame) -> Picture:
    start = models[models["round"] == 0]
    lines = []
    for scenario, rows in models.groupby("scenario", sort=False):
        path = rows if (rows["round"] == 0).all() else pd.concat([start.assign(scenario=scenario), rows])
        lines.append(
            path.assign(line=name(str(scenario)), name=name(str(scenario)) + ", seed " + path["seed"].astype(str))
        )
    both = pd.concat(lines)
    columns = ["line", "name", "whose", "round", "seed", "ppl_general", "ppl_user"]
    theirs = both.assign(whose="the paper", ppl_general=both["paper_ppl_general"], ppl_user=both["paper_ppl_user"])
    frame = pd.concat([both.assign(whose="this run")[columns], theirs[columns]])
    frame["name"] = frame["name"] + ", " + frame["whose"]
    frame["place"] = frame["round"]
    chart = curves(
        frame, ("ppl_general", "general PPL, words"), ("ppl_user", "user PPL, words"), "line", "whose",
        ["round", "seed"], "xy",
    )  # fmt: skip
    return Picture(
        chart,
        "Perplexity of general text against perplexity of people's own text for every model of this run and of the "
        "paper. The table below has the figures.",
        "Lower left is better. A line leads from the general model through the rounds; dashed lines are the figures "
        "of Popov et al. (2018), whose text differs and whose sizes are larger. Both axes are logarithmic.",
    )
