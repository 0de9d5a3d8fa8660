"""Judge what Zhang et al. (2024) claim about DPZero, and Bao et al. (2025) about many directions, by fixed rules."""

import math
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pandas as pd

from privatune.report.classifiers import at, distinct, labels
from privatune.report.intervals import Interval, difference, interval
from privatune.report.verdicts import Claim, Tables, above, below, higher, not_lower, within
from privatune.systems.dpzero.groups import by_directions, twin
from privatune.systems.dpzero.names import DPGD, DPZERO, MEZO, PROBE, level
from privatune.systems.dpzero.slopes import slope

SYSTEM = "Zhang et al. 2024"
AGGZO = "Bao et al. 2025"
TABLES = {
    "dpzero": (
        "set method name scope head step optimiser directions noised seed epsilon delta batch steps forwards "
        "accuracy accuracy_resampled clusters"
    ).split(),
    "dimension": "method dimension replicate error".split(),
    "memory": "row method path parameters repeat memory_over_inference".split(),
    "paper": "set source method epsilon accuracy".split(),
}

# fixed before the first run
LARGE, SMALL = 6.0, 2.0  # the epsilons of the papers' figures
DIRECTIONS = 64
AS_GOOD = 2.0  # points from MeZO within which DPZero is as good
WORSE = 3.0  # points by which DPGD-0th falls short of DPZero
NO_MATTER = 1.0  # points by which the linear probe may fall short of DPZero
FLAT, STEEP = 0.25, 0.5  # slopes of the logarithm of the error
MOST_MEMORY = 1.05  # times that of inference

OURS = "a claim of this project, not of a paper"
POINTS = "points of accuracy"


def claims(tables: Tables) -> Iterator[Claim]:
    """Yield claims on accuracy for each set, on the error by dimension, and on memory."""
    for name, rows in tables["dpzero"].groupby("set", sort=False):
        yield from _beside_the_paper(str(name), rows)
        yield from _many_directions(str(name), rows)
        yield from _probe(str(name), rows)
    edges = {DPZERO: below(f"{FLAT:g}", lambda _: FLAT), DPGD: above(f"{STEEP:g}", lambda _: STEEP)}
    for method, rule in edges.items():
        yield Claim(
            f"{method}: slope of the logarithm of the error by that of the dimension, in the synthetic experiment",
            "slope",
            lambda _: math.nan,
            partial(_slope, method=method),
            rule,
        )
    yield Claim(
        f"{DPZERO}, the whole model in place: peak memory over that of inference",
        "times",
        lambda _: math.nan,
        _memory,
        # repeats with the same peak are no coarse measure: a peak is counted in pages of memory
        replace(below(f"{MOST_MEMORY:g}", lambda _: MOST_MEMORY), exact=True),
    )


def note(tables: Tables) -> str:
    """Explain what is compared, which figures of the papers stand beside ours, and what a rule's margin means."""
    return (
        "Accuracies are compared in the head scope. Pairs have the same set, epsilon, delta, expected batch and grid, "
        "and the steps or forward passes that the claim names; of several pairs, the one with the fewest steps. The "
        "linear probe takes all examples in every step; it is compared with every DPZero of the set. Within 2 points "
        "means two one-sided tests at 2.5 % each: the whole 95 % interval lies between -2 and 2. At least as good "
        f"means that it lies above {-NO_MATTER:g}. DP-AggZO and its figures are from {AGGZO}, table 1, which has its "
        f"own figures of DPZero; other figures are from {SYSTEM}. Both papers train all of RoBERTa-large, the latter "
        "on 512 examples per class and at a delta of 1e-5; here only a head is trained. The set trec stands beside "
        "their TREC, and the set rotten_tomatoes beside their SST-2, whose phrases are of the same reviews; no other "
        "set has a figure. Rates and clips were tuned on the validation part, outside the budget. The claim on memory "
        "is about the row of DPZero in place that trains the most weights. Its replicates are steps of one process, "
        "and steps of equal peaks decide it too, so it has no p. The replicates of a slope draw directions and noise "
        "of their own, on one problem for each dimension."
    )


def _beside_the_paper(name: str, rows: pd.DataFrame) -> Iterator[Claim]:
    large, small = _dpzero(rows, LARGE), _dpzero(rows, SMALL)
    yield Claim(
        f"{name}: {DPZERO} at {_epsilon(LARGE, rows)} is as good as {MEZO} with the same steps, batch and grid",
        POINTS,
        partial(_in_paper, name=name, source=SYSTEM, ours=(DPZERO, LARGE), theirs=(MEZO, math.nan)),
        partial(_difference, ours=large, theirs=twin(rows, large)),
        within(AS_GOOD),
    )
    vectors = _zeroth(rows, SMALL, "vector")
    vectors = vectors[vectors["steps"].isin(small["steps"]) & vectors["batch"].isin(small["batch"])]
    yield Claim(
        f"{name}: {DPGD} at {_epsilon(SMALL, rows)} is worse than {DPZERO} by more than {WORSE:g} points",
        POINTS,
        partial(_in_paper, name=name, source=SYSTEM, ours=(DPGD, SMALL), theirs=(DPZERO, SMALL)),
        partial(_difference, ours=_first(vectors), theirs=small),
        below(f"{-WORSE:g}", lambda _: -WORSE),
    )


def _many_directions(name: str, rows: pd.DataFrame) -> Iterator[Claim]:
    method = f"DP-AggZO, K = {DIRECTIONS}"
    published = partial(_in_paper, name=name, source=AGGZO, ours=(method, SMALL), theirs=(DPZERO, SMALL))
    for equal, words, paper in (
        ("steps", "as many steps", published),
        ("forwards", "as many forward passes", lambda _: math.nan),
    ):
        many, one = _pair(rows, equal)
        yield Claim(
            f"{name}: {method}, at {_epsilon(SMALL, rows)} is better than {DPZERO} with {words} ({AGGZO})",
            POINTS,
            paper,
            partial(_difference, ours=many, theirs=one),
            higher(),
        )


def _probe(name: str, rows: pd.DataFrame) -> Iterator[Claim]:
    """Compare the linear probe with every DPZero of the set, however many steps it takes."""
    for epsilon in sorted(set(rows["epsilon"].dropna().map(level)), reverse=True):
        probe = _first(rows[(rows["name"] == PROBE) & (rows["epsilon"].map(level) == epsilon)])
        every = _zeroth(rows, epsilon, "scalar")
        every = every[every["directions"] == 1]
        called = labels(every)
        for method, theirs in every.groupby("method", sort=False):
            yield Claim(
                f"{name}: {PROBE} at {_epsilon(epsilon, rows)} is at least as good as {called[str(method)]} ({OURS})",
                POINTS,
                lambda _: math.nan,
                partial(_difference, ours=probe, theirs=theirs),
                not_lower(NO_MATTER),
            )


def _epsilon(target: float, rows: pd.DataFrame) -> str:
    stated = at(rows[rows["epsilon"].map(level) == target])
    return f"epsilon {target:g}" + (f" ({stated})" if stated else "")


def _zeroth(rows: pd.DataFrame, epsilon: float, noised: str) -> pd.DataFrame:
    """Return the rows in the head scope that step by forward passes at an epsilon, with noise on a scalar or vector."""
    of_head = rows[(rows["scope"] == "head") & (rows["step"] == "zeroth") & (rows["noised"] == noised)]
    return of_head[of_head["epsilon"].map(level) == epsilon]


def _dpzero(rows: pd.DataFrame, epsilon: float) -> pd.DataFrame:
    every = _zeroth(rows, epsilon, "scalar")
    return _first(every[every["directions"] == 1])


def _first(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the method with the fewest steps; of equals, the first."""
    fewest = rows.sort_values("steps", kind="stable")["method"].head(1)
    return rows[rows["method"].isin(fewest)]


def _pair(rows: pd.DataFrame, equal: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows of K = DIRECTIONS and K = 1 with equal steps or forward passes; none if there is no such pair."""
    every = _zeroth(rows, SMALL, "scalar")
    for group in by_directions(every.drop_duplicates("method"), equal):
        method = group.set_index("directions")["method"]
        if DIRECTIONS in method.index and 1 in method.index:
            return every[every["method"] == method[DIRECTIONS]], every[every["method"] == method[1]]
    return every.head(0), every.head(0)


def _difference(_: Tables, ours: pd.DataFrame, theirs: pd.DataFrame) -> Interval:
    return difference(distinct(ours), distinct(theirs), "accuracy")


def _in_paper(tables: Tables, name: str, source: str, ours: tuple[str, float], theirs: tuple[str, float]) -> float:
    """Return the difference of two figures of a paper, given as method and epsilon; null if it has none."""
    figures = tables["paper"]
    figures = figures[(figures["set"] == name) & (figures["source"] == source)].fillna({"epsilon": 0.0})
    found = figures.set_index(["method", "epsilon"])["accuracy"].to_dict()
    first, second = (
        found.get((method, 0.0 if math.isnan(epsilon) else epsilon), math.nan) for method, epsilon in (ours, theirs)
    )
    return float(first - second)


def _slope(tables: Tables, method: str) -> Interval:
    rows = tables["dimension"]
    return slope(rows[rows["method"] == method])


def _memory(tables: Tables) -> Interval:
    rows = tables["memory"]
    rows = rows[(rows["method"] == DPZERO) & (rows["path"] == "in place")]
    whole = rows[rows["parameters"] == rows["parameters"].max()]
    return interval(whole["memory_over_inference"].astype(float))
