"""How many bits a way of training takes to become as good as asked."""

import math
from collections.abc import Iterable

import numpy as np
import pandas as pd


def bits_to_reach(bits: Iterable[float], perplexity: Iterable[float], level: float) -> float:
    """Bits sent when a training first was at or below a level of perplexity; null where it never was.

    Between two measured points the logarithms of both are taken to lie on a line. Where the first point that sent
    anything is already there, its bits, which is at most too much.

    Args:
        bits: sent by each measured point, ascending; 0 at the start, and so is the answer where that was good enough.
        perplexity: of each.
        level: to be reached.

    >>> bits_to_reach([0, 100, 10_000], [400, 200, 50], 100)
    1000.0
    >>> bits_to_reach([0, 100], [400, 200], 300), bits_to_reach([0, 100], [400, 200], 100)
    (100.0, nan)
    """
    b, p = np.array([*bits], float), np.array([*perplexity], float)
    there = np.flatnonzero(p <= level)
    if not len(there):
        return math.nan
    first = int(there[0])
    if first == 0 or b[first - 1] == 0:
        return float(b[first])
    share = math.log(p[first - 1] / level) / math.log(p[first - 1] / p[first])
    return round(float(b[first - 1] ** (1 - share) * b[first] ** share), 6)


def bits_at_equal_quality(ours: pd.DataFrame, theirs: pd.DataFrame, column: str) -> tuple[float, float]:
    """Bits of two trainings at the lowest average perplexity that both reach; null where one never beats its start.

    Args:
        ours, theirs: rows of the table `compression` of one method and seed each, in the order of steps.
        column: which bits.
    """
    level = max(ours["ppl_average"].min(), theirs["ppl_average"].min())
    first, second = (bits_to_reach(run[column], run["ppl_average"], level) for run in (ours, theirs))
    return (first, second) if first and second else (math.nan, math.nan)


def pareto_front(bits: Iterable[float], perplexity: Iterable[float]) -> list[tuple[float, float]]:
    """Points that no other beats in both, by ascending bits.

    >>> pareto_front([1, 2, 3, 4], [9, 5, 7, 3])
    [(1, 9), (2, 5), (4, 3)]
    """
    front: list[tuple[float, float]] = []
    for point in sorted(zip(bits, perplexity, strict=True)):
        if not front or point[1] < front[-1][1]:
            front.append(point)
    return front
