"""Judge what Ramaswamy et al. (2020) claim about DP-FedAvg: memorization, recall compared with n-grams, epsilon."""

import math
from collections.abc import Callable, Iterator
from functools import partial

import pandas as pd

from privatune.core.proportions import share_interval
from privatune.report.intervals import Interval, difference
from privatune.report.verdicts import (
    FAILS,
    HOLDS,
    MOST,
    UNDECIDED,
    Claim,
    Rule,
    Tables,
    above,
    equals,
    higher,
    not_higher,
    shares_needed,
)
from privatune.systems.dpfedavg.extraction import beyond_chance, extracted

SYSTEM = "Ramaswamy et al. 2020"
TABLES = {
    "comparison_dpfedavg": (
        "scenario seed round recall1_user recall3_user noise_multiplier clip carriers_epsilon".split()
    ),
    "canaries": "scenario seed n_users n_copies carried visits beyond beam_found".split(),
    "accounting": "epsilon paper_epsilon".split(),
    "paper_text": "figure value".split(),
}
Measure = Callable[[pd.DataFrame], Interval]
BASELINE = "ngram-general"
# fixed before the first run: if the epsilon of a carrier is larger than this, a variant protects hardly anyone
SAYS_NOTHING = 20.0
MARGIN = 2.0  # bits of exposure that do not matter

MAJORITY = above("50", lambda _: 50.0)
CONTROL = "a control of this project, not a claim of the paper"


def none_beside(control: Interval) -> Rule:
    """Require that none is found, where without noise the attack finds too many for that to be chance."""

    def judge(ours: Interval, _: float) -> str:
        if ours.middle > 0:
            return FAILS
        return HOLDS if ours.high < control.low else UNDECIDED

    return Rule(
        "holds if none is found and the interval ends below that of the same cells without noise, fails if "
        "one is found",
        judge,
    )


def canaries_needed(rule: Rule, ours: Interval, paper: float, control: Interval) -> float:
    """Return how many canaries would show that none is found, if the control finds the same share of as many.

    It is null if one is found, if the control finds none, or if MOST canaries would be too few.
    """
    for n in range(2, MOST + 1) if ours.middle == 0 and control.middle > 0 else ():
        if share_interval(0, n)[1] < share_interval(round(n * control.middle / 100), n)[0]:
            return n
    return math.nan


def claims(tables: Tables) -> Iterator[Claim]:
    """Yield claims on extraction with and without DP, on recall compared with n-grams, and on the table of epsilons."""
    private, plain = _variants(tables)
    for variant in plain:
        yield Claim(
            f"{variant}: most canaries of the largest cell are extracted without differential privacy ({CONTROL})",
            "% of canaries",
            lambda _: math.nan,
            partial(_of_largest, extracted, variant),
            MAJORITY,
            shares_needed,
        )
        yield Claim(
            f"{variant}: without differential privacy, canaries of the smallest cells are more exposed than in a model "
            f"that never saw them ({CONTROL})",
            "bits",
            lambda _: math.nan,
            partial(_of_smallest, beyond_chance, variant),
            higher(),
        )
    for variant in _judged(tables):
        control = _of_smallest(extracted, plain[0] if plain else "", tables)
        yield Claim(
            f"{variant}: no canary of the smallest cells is extracted under differential privacy",
            "% of canaries",
            lambda _: 0.0,
            partial(_of_smallest, extracted, variant),
            none_beside(control),
            partial(canaries_needed, control=control),
            recalled=True,
        )
        yield Claim(
            f"{variant}: under differential privacy, canaries of the smallest cells are hardly more exposed than in a "
            "model that never saw them",
            "bits",
            lambda _: math.nan,
            partial(_of_smallest, beyond_chance, variant),
            not_higher(MARGIN),
            recalled=True,
        )
    for variant in plain + private:
        for best in (1, 3):
            yield Claim(
                f"{variant}: top-{best} recall of the users' words beats the n-gram model of the general text",
                "points",
                partial(_in_the_paper, best=best),
                partial(_beyond_ngrams, variant=variant, best=best),
                higher(),
                recalled=True,
            )
    yield Claim(
        "epsilon of the paper's five populations, with the paper's accounting: the largest difference from its table",
        "epsilon",
        lambda _: 0.0,
        _largest_difference,
        equals(0.01),
    )


def note(tables: Tables) -> str:
    """Explain which variants are compared, and how intervals of shares are made."""
    private, plain = _variants(tables)
    judged = _judged(tables)
    left_out = [variant for variant in private if variant not in judged]
    return (
        f"Without differential privacy: {', '.join(plain)}, the variant without noise that has the widest clip. Under "
        f"it: {', '.join(judged)}. Left out where canaries are judged, because the epsilon of a person who takes part "
        f"as often as a carrier exceeds {SAYS_NOTHING:g}, at the delta of the variant: "
        f"{', '.join(left_out) or 'none'}. Smallest cells: canaries that the fewest persons carry, with those numbers "
        "of copies of which the same attack extracts some without noise. Largest cell: most persons, most copies. A "
        "canary counts if a person who carries it was drawn. Extracted: found by the beam search. Intervals of shares "
        "are those of Clopper and Pearson; n counts the canaries of all seeds, and fewer than two seeds decide "
        "nothing. Exposure is compared with that of the same canaries in a model that never saw them. Canaries as a "
        "source: the interval is over the canaries of all seeds, as if those of one seed did not share a model. The "
        "paper's own differences of recall are in the column `paper`."
    )


def _variants(tables: Tables) -> tuple[list[str], list[str]]:
    """Return the variants with carriers: those with noise, and the one nearest to federated averaging."""
    canaries = tables["canaries"]
    carried = set(canaries.loc[canaries["carried"], "scenario"])
    models = tables["comparison_dpfedavg"].drop_duplicates("scenario")
    models = models[models["scenario"].isin(carried)]
    plain = models[models["noise_multiplier"] == 0].sort_values("clip")["scenario"].tolist()
    return models.loc[models["noise_multiplier"] > 0, "scenario"].tolist(), plain[-1:]


def _judged(tables: Tables) -> list[str]:
    """Return the variants with noise whose epsilon means something for carriers of canaries."""
    models = tables["comparison_dpfedavg"]
    says = set(models.loc[models["carriers_epsilon"] <= SAYS_NOTHING, "scenario"])
    return [variant for variant in _variants(tables)[0] if variant in says]


def _of_smallest(measure: Measure, variant: str, tables: Tables) -> Interval:
    """Measure the canaries that the fewest persons carry, for numbers of copies that are extracted without noise."""
    rows = tables["canaries"]
    rows = rows[rows["n_users"] == rows["n_users"].min()]
    control = rows[rows["scenario"].isin(_variants(tables)[1]) & (rows["visits"] > 0)]
    known = set(control.loc[control["beam_found"].eq(True), "n_copies"])
    return measure(rows[(rows["scenario"] == variant) & rows["n_copies"].isin(known)])


def _of_largest(measure: Measure, variant: str, tables: Tables) -> Interval:
    """Measure the canaries of a variant that the most persons carry, in the most copies."""
    rows = tables["canaries"]
    largest = (rows["n_users"] == rows["n_users"].max()) & (rows["n_copies"] == rows["n_copies"].max())
    return measure(rows[largest & (rows["scenario"] == variant)])


def _beyond_ngrams(tables: Tables, variant: str, best: int) -> Interval:
    """Return a variant's recall minus that of the n-gram model, which is the same for every seed, in points."""
    models = tables["comparison_dpfedavg"]
    ours, theirs = (models[models["scenario"] == name] for name in (variant, BASELINE))
    return difference(ours, theirs, f"recall{best}_user")


def _in_the_paper(tables: Tables, best: int) -> float:
    figures = tables["paper_text"].set_index("figure")["value"]
    return float(figures[f"recall{best} dp-fedavg"] - figures[f"recall{best} n-gram"])


def _largest_difference(tables: Tables) -> Interval:
    rows = tables["accounting"].dropna(subset=["paper_epsilon"])
    value = float((rows["epsilon"] - rows["paper_epsilon"]).abs().max())
    return Interval(value, value, value, len(rows))
