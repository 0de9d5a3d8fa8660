"""What Ramaswamy et al. (2020) claim of DP-FedAvg: what it memorizes, its recall beside n-grams, its epsilon."""

import math
from collections.abc import Iterator
from functools import partial
from typing import Literal

import pandas as pd

from privatune.core.proportions import share_interval
from privatune.report.intervals import Interval, interval
from privatune.report.verdicts import FAILS, HOLDS, Claim, Rule, Tables, above, equals, higher

SYSTEM = "Ramaswamy et al. 2020"
TABLES = {
    "comparison_dpfedavg": "scenario seed recall1_user recall3_user noise_multiplier clip epsilon".split(),
    "canaries": "scenario seed n_users n_copies carried beam_found".split(),
    "accounting": "epsilon paper_epsilon".split(),
    "paper_text": "figure value".split(),
}
BASELINE = "ngram-general"
Cells = Literal["fewest", "largest"]

NONE = Rule("holds if none is found, fails if one is", lambda ours, _: HOLDS if ours.middle == 0 else FAILS)
MOST = above("50", lambda _: 50.0)


def claims(tables: Tables) -> Iterator[Claim]:
    """Extraction with and without differential privacy, recall beside the n-gram model, and the table of epsilons."""
    private, plain = _variants(tables)
    for variant in plain:
        yield Claim(
            f"{variant}: most canaries of the largest cell are extracted without differential privacy",
            "% of canaries",
            lambda _: math.nan,
            partial(_extracted, variant=variant, cells="largest"),
            MOST,
        )
    for variant in private:
        yield Claim(
            f"{variant}: no canary of the smallest cells is extracted under differential privacy",
            "% of canaries",
            lambda _: 0.0,
            partial(_extracted, variant=variant, cells="fewest"),
            NONE,
        )
    for variant in plain + private:
        for best in (1, 3):
            yield Claim(
                f"{variant}: top-{best} recall of the users' words beats the n-gram model of the general text",
                "points",
                partial(_in_the_paper, best=best),
                partial(_beyond_ngrams, variant=variant, best=best),
                higher(),
            )
    yield Claim(
        "epsilon of the paper's five populations, accounted for as it does: the largest difference from its table",
        "epsilon",
        lambda _: 0.0,
        _largest_difference,
        equals(0.01),
    )


def note(tables: Tables) -> str:
    """Which variants stand for what, and how intervals of shares are made."""
    private, plain = _variants(tables)
    return (
        f"Without differential privacy: {', '.join(plain)}, of the variants without noise that with the widest clip. "
        f"Under it: {', '.join(private)}, whatever their epsilon, which table comparison_dpfedavg states. Smallest "
        "cells: canaries that the fewest persons carry, however often. Largest cell: most persons, most copies. "
        "Extracted: found by the beam search. Intervals of shares are Clopper and Pearson's, n counts canaries of all "
        "seeds; the paper's own differences of recall are in the column of its figures."
    )


def _variants(tables: Tables) -> tuple[list[str], list[str]]:
    """Variants whose canaries are carried: those with noise, and the one that is nearest to federated averaging."""
    canaries = tables["canaries"]
    carried = set(canaries.loc[canaries["carried"], "scenario"])
    models = tables["comparison_dpfedavg"].drop_duplicates("scenario")
    models = models[models["scenario"].isin(carried)]
    plain = models[models["noise_multiplier"] == 0].sort_values("clip")["scenario"].tolist()
    return models.loc[models["noise_multiplier"] > 0, "scenario"].tolist(), plain[-1:]


def _extracted(tables: Tables, variant: str, cells: Cells) -> Interval:
    """Share of canaries that the beam search found, in %, all seeds together."""
    rows = tables["canaries"]
    rows = rows[(rows["scenario"] == variant) & rows["beam_found"].notna()]
    if cells == "fewest":
        rows = rows[rows["n_users"] == rows["n_users"].min()]
    else:
        rows = rows[(rows["n_users"] == rows["n_users"].max()) & (rows["n_copies"] == rows["n_copies"].max())]
    n, found = len(rows), int(rows["beam_found"].sum())
    if rows["seed"].nunique() < 2:  # canaries of one model share its training: they are one replicate
        return Interval(100 * found / n if n else math.nan, math.nan, math.nan, n)
    low, high = share_interval(found, n)
    return Interval(100 * found / n, 100 * low, 100 * high, n)


def _beyond_ngrams(tables: Tables, variant: str, best: int) -> Interval:
    """Recall of a variant minus that of the n-gram model, which is the same for every seed, in points."""
    models = tables["comparison_dpfedavg"]
    values = models.set_index("scenario")[f"recall{best}_user"].astype(float)
    return interval(pd.Series(values[[variant]] - values[BASELINE]))


def _in_the_paper(tables: Tables, best: int) -> float:
    figures = tables["paper_text"].set_index("figure")["value"]
    return float(figures[f"recall{best} dp-fedavg"] - figures[f"recall{best} n-gram"])


def _largest_difference(tables: Tables) -> Interval:
    rows = tables["accounting"].dropna(subset=["paper_epsilon"])
    value = float((rows["epsilon"] - rows["paper_epsilon"]).abs().max())
    return Interval(value, value, value, len(rows))
