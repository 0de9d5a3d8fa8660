"""What the system says on the page: the methods of Popov et al. (2018), with replicates, beside the paper's figures."""

import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from privatune.report.intervals import BOTH, Interval, mean, ratio
from privatune.report.page.charts import means
from privatune.report.page.said import Model, Picture, Said, spread
from privatune.report.style import name
from privatune.report.verdicts import Tables

TITLE = "Popov et al. 2018"
QUESTION = "which way of fine-tuning on devices is best, and what does it reveal?"
MEASURES = {"ppl_average": "average PPL", "ppl_user": "user PPL", "ppl_general": "general PPL"}
TABLES = {
    "replicates": [
        *"scenario seed round kss_user bits_up bits_down clusters_general clusters_user".split(),
        *(f"{prefix}{measure}" for prefix in ("", "paper_") for measure in MEASURES),
    ],
    "tail": "pair verdict".split(),
}
COLUMNS = "measure label place scenario round value low high n sources paper".split()


def said(tables: Tables) -> Said:
    """Count the methods that lower the average perplexity, and name the one that lowers it most."""
    models = tables["replicates"]
    rows = pd.DataFrame(list(_changes(models)), columns=COLUMNS)
    average = rows[(rows["measure"] == MEASURES["ppl_average"]) & (rows["sources"] == BOTH)]
    lower = average[average["high"] < 0]
    answer = (
        f"{len(lower)} of {len(average)} models with replicates have a lower average perplexity than the general model"
    )
    if len(average):
        most = average.loc[average["value"].idxmin()]
        change = spread(Interval(*most[["value", "low", "high", "n"]]))
        answer += f". The largest change is that of {most['label']}: {change} %"
    tails = tables["tail"]["verdict"].value_counts()
    revealed = ", ".join(f"{count} {said}" for said, count in tails.items())
    return Said(
        asked="Each way of fine-tuning was repeated with other devices, and compared with the general model.",
        answer=f"{answer}. Tails of the privacy measure: {revealed}." if revealed else f"{answer}.",
        rule="The rule: the change of the perplexity of words from the general model's, in percent, paired by seed and "
        "text; a model counts as lower if its whole 95 % interval over seeds and text is below 0.",
        pictures=[_picture(rows)],
        table=_table(rows),
        caption="Changes from the general model in percent, each with its 95 % interval. The paper's text and sizes "
        "differ. n counts replicates; all share one general model.",
        models=list(_models(models)),
    )


def _changes(models: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The change of each measure from the general model's, for each scenario and round, and the paper's."""
    start = models[models["round"] == 0]
    for measure, text in MEASURES.items():
        theirs = start[f"paper_{measure}"].iloc[0] if len(start) else math.nan
        trained = models[models["round"] > 0].groupby(["scenario", "round"], sort=False)
        for (scenario, number), rows in trained if len(start) else ():
            made = ratio(rows, start, measure).map(lambda value: 100 * (value - 1))
            yield {
                **{"measure": text, "label": f"{name(str(scenario))}, round {number}", "place": number},
                **{"scenario": scenario, "round": number, "n": made.n, "sources": made.sources},
                **{"value": made.middle, "low": made.low, "high": made.high},
                "paper": 100 * (rows[f"paper_{measure}"].iloc[0] / theirs - 1),
            }


def _picture(rows: pd.DataFrame) -> Picture:
    ours = rows.assign(whose="this run")
    theirs = rows.dropna(subset=["paper"]).assign(
        value=lambda r: r["paper"], low=math.nan, high=math.nan, whose="the paper"
    )
    both = pd.concat([ours, theirs])[["measure", "label", "value", "low", "high", "whose", "n", "sources"]]
    return Picture(
        means(both, "change from the general model, %", "whose", ["n", "sources"], "measure"),
        "For each way of fine-tuning, the change of perplexity from the general model's in percent, with its interval, "
        "beside the paper's figure. The table below has the figures.",
        "Below 0 is better. Bars are 95 % intervals over seeds and text; where n is 1, over the text alone.",
    )


def _table(rows: pd.DataFrame) -> pd.DataFrame:
    made: dict[str, list[str]] = {"model": [], "n": []}
    for label, of_model in rows.groupby("label", sort=False):
        made["model"].append(str(label))
        made["n"].append(str(of_model["n"].iloc[0]))
        for row in of_model.to_dict("records"):
            cells = spread(Interval(row["value"], row["low"], row["high"], row["n"]))
            made.setdefault(f"{row['measure']}: change, %", []).append(cells)
            paper = "–" if math.isnan(row["paper"]) else f"{row['paper']:.1f}"
            made.setdefault(f"{row['measure']}: the paper's", []).append(paper)
    return pd.DataFrame(made)


def _models(models: pd.DataFrame) -> Iterator[Model]:
    last = models.groupby("scenario")["round"].max()
    for (scenario, number), rows in models.groupby(["scenario", "round"], sort=False):
        costs: dict[str, Any] = {
            "megabytes": float((rows["bits_up"] + rows["bits_down"]).mean()) / 8e6,
            "megabytes_up": float(rows["bits_up"].mean()) / 8e6,
        }
        yield Model(
            "popov: average PPL of words, replicates",
            f"{name(str(scenario))}, round {number}",
            mean(rows, "ppl_average"),
            "lower",
            listed=bool(number == last[scenario]),
            **costs,
        )
