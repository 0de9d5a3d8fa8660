"""What the system says on the page: what a vendor and attackers make of states that a customer privatises."""

from typing import Any

import pandas as pd

from privatune.report.intervals import mean
from privatune.report.page.charts import curves
from privatune.report.page.said import Model, Picture, Said, number, spread
from privatune.report.verdicts import Tables
from privatune.systems.split.columns import how

TITLE = "Split-and-Privatize (Shen et al. 2023)"
QUESTION = "what does a vendor who fine-tunes on privatised states learn about the text?"
KEYS = ["split_after", "level", "importance"]
TABLES = {
    "split": (
        "split_after kappa importance guarantee seed n accuracy accuracy_validation empirical_privacy "
        "validation_empirical_privacy best chance majority"
    ).split()
}
LOSS = 1.0  # points of accuracy that the answer may cost


def said(tables: Tables) -> Said:
    """Name the way of sending that hides the most tokens and costs little accuracy, as chosen on validation."""
    rows = tables["split"]
    rows = rows.assign(level=rows["kappa"].fillna(0.0))
    groups = [group for _, group in rows.groupby(KEYS, sort=False)]
    return Said(
        asked=f"A customer sent the states of {number(rows['n'].max(), 0)} labelled sentences to a vendor, after a "
        "number of the encoder's blocks and with noise; the vendor trained a classifier on them, and attackers tried "
        "to recover the sentences.",
        answer=_answer(groups),
        rule=f"The rule: of all ways of sending whose mean accuracy on the validation part is at most {LOSS:g} point "
        "below that of the embedding without noise, the one that hides the most there from the best attack; its "
        "figures are from the test part. What attacks do not recover is measured, not proved.",
        pictures=[_picture(rows, groups)],
        table=_table(groups),
        caption="Means over seeds. Empirical privacy is the share of tokens that the best attack does not recover; "
        "a better attack may recover more. Guarantee: what is proved of each token.",
        models=[_model(group) for group in groups],
    )


def _called(group: pd.DataFrame) -> str:
    first = group.iloc[0]
    return how(int(first["split_after"]), float(first["kappa"]), str(first["importance"]))


def _answer(groups: list[pd.DataFrame]) -> str:
    plain = [group for group in groups if group["split_after"].iloc[0] == 0 and group["level"].iloc[0] == 0]
    if not plain:
        return "The embedding was not sent without noise, so there is nothing to compare with."
    least = plain[0]["accuracy_validation"].mean() - LOSS
    close = [group for group in groups if group["accuracy_validation"].mean() >= least]
    best = max(close, key=lambda group: group["validation_empirical_privacy"].mean())
    return (
        f"Sent as ({_called(best)}), {_hidden(best)} % of the tokens are hidden from the best attack, at an accuracy "
        f"of {spread(mean(best, 'accuracy'))} %. Of the embedding without noise {_hidden(plain[0])} % are hidden, at "
        f"{spread(mean(plain[0], 'accuracy'))} %."
    )


def _hidden(group: pd.DataFrame) -> str:
    return number(100 * group["empirical_privacy"].mean())


def _model(group: pd.DataFrame) -> Model:
    return Model(
        "split: accuracy, %",
        _called(group),
        mean(group, "accuracy"),
        "higher",
        "nothing" if group["guarantee"].iloc[0] == "none" else str(group["guarantee"].iloc[0]),
        recovered=100 * (1 - float(group["empirical_privacy"].mean())),
    )


def _table(groups: list[pd.DataFrame]) -> pd.DataFrame:
    rows = [
        {
            "sent": _called(group),
            "accuracy, %": spread(mean(group, "accuracy")),
            "empirical privacy, %": _hidden(group),
            "best attack": str(group["best"].mode().iloc[0]) if group["best"].notna().any() else "",
            "guarantee": str(group["guarantee"].iloc[0]),
            "seeds": str(group["seed"].nunique()),
        }
        for group in groups
    ]
    return pd.DataFrame(rows)


def _picture(rows: pd.DataFrame, groups: list[pd.DataFrame]) -> Picture:
    """A curve per split and importance, from no noise on, which all importances share."""
    curves_of = dict.fromkeys((group["split_after"].iloc[0], group["importance"].iloc[0]) for group in groups)
    points: list[dict[str, Any]] = []
    for cut, importance in curves_of:
        of_cut = rows[rows["split_after"] == cut]
        for level, of_level in of_cut[(of_cut["importance"] == importance) | (of_cut["level"] == 0)].groupby("level"):
            points.append(
                {
                    "cut": "embedding" if cut == 0 else f"after block {cut}",
                    "importance": f"importance {importance}",
                    "name": f"{cut}, {importance}",
                    "place": level,
                    "sent": _called(of_level),
                    "privacy": 100 * of_level["empirical_privacy"].mean(),
                    "accuracy": of_level["accuracy"].mean(),
                }
            )
    frame = pd.DataFrame(points, columns="cut importance name place sent privacy accuracy".split())
    chart = curves(
        frame, ("privacy", "empirical privacy against the best attack, %"), ("accuracy", "accuracy, %"), "cut",
        "importance", ["sent"],
    )  # fmt: skip
    return Picture(
        chart,
        "Accuracy against empirical privacy, a curve for each split and importance from no noise to the most. The "
        "table below has the figures.",
        "Upper right is better. Each curve begins without noise. Means over seeds.",
    )
