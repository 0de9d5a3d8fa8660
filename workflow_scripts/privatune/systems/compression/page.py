"""What the system says on the page: the quality of a model against the bytes that its training sends."""

import pandas as pd

from privatune.report.intervals import interval
from privatune.report.page.charts import curves
from privatune.report.page.said import Model, Picture, Said, number, spread
from privatune.report.verdicts import Tables

TITLE = "Compression"
QUESTION = "what does each way of training send for equal quality?"
TABLES = {"compression": "method mode codec download memory seed steps ppl_average bits_up bits_down".split()}
CLOSE = 5.0  # percent above the lowest final perplexity within which a model is as good, for the answer
TASK = "compression: average PPL of words"


def said(tables: Tables) -> Said:
    """Name the method that sends the least of those whose final perplexity is close to the lowest."""
    runs = tables["compression"].assign(megabytes_up=lambda r: r["bits_up"] / 8e6)
    runs["megabytes"] = runs["megabytes_up"] + runs["bits_down"] / 8e6
    runs["stop"] = runs.groupby(["method", "seed"]).cumcount()
    models = [
        Model(
            TASK,
            f"{method}, step {number(rows['steps'].mean(), 0)}",
            interval(rows["ppl_average"].astype(float)),
            "lower",
            megabytes=float(rows["megabytes"].mean()),
            megabytes_up=float(rows["megabytes_up"].mean()),
            listed=bool(stop == runs.loc[runs["method"] == method, "stop"].max()),
        )
        for (method, stop), rows in runs.groupby(["method", "stop"], sort=False)
    ]
    ends = [model for model in models if model.listed]
    return Said(
        asked="A small language model was fine-tuned on the same text of the same persons in every way, and each "
        "payload was really written and counted.",
        answer=_answer(ends),
        rule=f"The rule: of the methods whose mean final perplexity is at most {CLOSE:g} % above the lowest, the one "
        "that sent the fewest bytes in both directions. Brackets hold 95 % intervals over seeds.",
        pictures=[_picture(runs)],
        table=_table(ends),
        caption="Each method at the end of its training: means over seeds, and megabytes of all devices together.",
        models=models,
    )


def _answer(ends: list[Model]) -> str:
    if not ends:
        return "No method was run."
    best = min(ends, key=lambda model: model.quality.middle)
    close = [model for model in ends if model.quality.middle <= best.quality.middle * (1 + CLOSE / 100)]
    least = min(close, key=lambda model: model.megabytes)
    said = (
        f"{least.name} ends at an average perplexity of {spread(least.quality)} for "
        f"{number(least.megabytes)} MB sent up and down ({number(least.megabytes_up)} MB up)"
    )
    if least is best:
        return f"{said}, and no method ends lower."
    return f"{said}. The lowest is {best.name} with {spread(best.quality)} for {number(best.megabytes)} MB."


def _table(ends: list[Model]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "method": [model.name for model in ends],
            "average PPL, words": [spread(model.quality) for model in ends],
            "sent up, MB": [number(model.megabytes_up) for model in ends],
            "sent up and down, MB": [number(model.megabytes) for model in ends],
            "seeds": [str(model.quality.n) for model in ends],
        }
    )


def _picture(runs: pd.DataFrame) -> Picture:
    sent = runs[runs["steps"] > 0]
    numbers = ["megabytes", "megabytes_up", "ppl_average"]
    frame = sent.groupby(["method", "stop"], sort=False)[numbers].mean().reset_index()
    about = sent.drop_duplicates("method").set_index("method")
    frame["codec"] = frame["method"].map(about["codec"])
    frame["way"] = frame["method"].map(about.apply(_way, axis=1) if len(about) else {})
    frame = frame.rename(columns={"method": "name", "stop": "place"})
    chart = curves(
        frame, ("megabytes", "megabytes sent up and down"), ("ppl_average", "average PPL, words"), "codec", "way",
        ["way", "megabytes_up"], "xy",
    )  # fmt: skip
    return Picture(
        chart,
        "Perplexity against megabytes sent, a line per method through its measured points. The table below has the "
        "last points.",
        "Lower left is better. The colour shows the codec of an update. Means over seeds; both axes are logarithmic. "
        "Choose a codec in the legend to pale the others.",
    )


def _way(row: pd.Series) -> str:
    if row["mode"] == "averaging":
        return "averaging" if row["download"] == "dense" else "averaging, compressed download"
    return "gradients, memory leaves" if row["memory"] == "person" else "gradients"
