"""Test whether the tail of c is a Pareto tail, and derive an estimated epsilon from it.

The method is that of Popov et al. (2018, 'Privacy, measured').

c(s) = P(s | theta) / P(s | theta') for texts s that theta writes. Beyond a threshold, 1 - F(x) = C x^(-alpha), so the
excesses of log c over the log threshold are exponential with mean 1 / alpha. If P(c(s) > e^epsilon) <= delta, then
P(S | theta) <= e^epsilon P(S | theta') + delta for every set S of texts. Since alpha and C are estimated, and the line
is extrapolated beyond the sample, the result is an estimated epsilon, not a proof of differential privacy.

The test often fails to reject a heavier tail, and the line then underestimates it. A generalised Pareto distribution,
which is exponential when its shape is 0, is therefore fitted to the same excesses, and the estimated epsilon is also
given for the upper limit of the shape's interval.

Everything works on log c, in nats.
"""

import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from privatune.attacks.generalised_pareto import GeneralisedPareto, excess_of, fit_shape
from privatune.attacks.settings import TailTestSettings
from privatune.core.streams import stream
from privatune.core.tensors import load_tensors

LEVEL = 0.05  # the level of the test
PAPER_CRITICAL = 1.08  # the paper's critical value at this level, for any size
NOT_REJECTED, REJECTED, UNDECIDED = "not rejected", "rejected", "undecided"

_AT_ONCE = 1 << 21  # how many values of a simulation are in memory at a time


class Pareto(NamedTuple):
    """The tail 1 - F(x) = c x^(-alpha)."""

    alpha: float
    c: float


def hill(log_c: np.ndarray, threshold: float) -> Pareto:
    """Return Hill's estimate of alpha, and the C for which the line meets the sample's share at the threshold.

    Args:
        log_c: [n], finite.
        threshold: the threshold on log c.

    Raises:
        ValueError: nothing lies beyond the threshold.

    >>> hill(np.array([0.0, 0.0, 0.0, 1.0]), 0.5)
    Pareto(alpha=2.0, c=0.6795704571147613)
    """
    excess = excesses(log_c, threshold)
    if not len(excess):
        raise ValueError("nothing lies beyond the threshold")
    alpha = 1.0 / float(excess.mean())
    return Pareto(alpha, len(excess) / len(log_c) * math.exp(alpha * threshold))


def excesses(log_c: np.ndarray, threshold: float) -> np.ndarray:
    """Return by how much the values beyond the threshold exceed it."""
    return log_c[log_c > threshold] - threshold


def lilliefors(excess: np.ndarray) -> float:
    """Return sqrt(n) times the Kolmogorov-Smirnov distance to the exponential distribution with the sample's mean.

    This is the test of Lilliefors (1969). The scale is estimated from the same sample, so the critical value differs
    from Kolmogorov's.
    """
    return float(_distances(np.sort(np.asarray(excess, np.float64))[None])[0])


def _distances(ordered: np.ndarray) -> np.ndarray:
    """Return the statistic of each row of ordered samples [samples, n]."""
    n = ordered.shape[1]
    share = -np.expm1(-ordered / ordered.mean(1, keepdims=True))
    steps = np.arange(n + 1) / n
    distance = np.maximum((share - steps[:-1]).max(1), (steps[1:] - share).max(1))
    return math.sqrt(n) * distance


@cache
def critical_value(size: int, simulations: int, seed: int) -> float:
    """Simulate the statistic that a sample of `size` exponential values exceeds in 5 % of cases.

    With 10,000 simulations its standard error is about 0.005.
    """
    rng = stream(seed, "critical value", size)
    # gaps between ordered exponential values are exponential with rates n, n - 1, ... 1 (Renyi 1953): no need to sort
    rates = np.arange(size, 0, -1.0)
    rows = max(1, _AT_ONCE // size)
    parts = [
        _distances(np.cumsum(rng.standard_exponential((min(rows, simulations - done), size)) / rates, axis=1))
        for done in range(0, simulations, rows)
    ]
    return float(np.quantile(np.concatenate(parts), 1 - LEVEL))


def epsilon(tail: Pareto, delta: float) -> float:
    """Return the estimated epsilon: c exceeds e^epsilon with probability delta.

    It is never below 0: if delta > C, the line says that c > 1 is already less likely than delta, and epsilon = 0 is
    the strongest possible statement.

    >>> round(epsilon(Pareto(alpha=14.8, c=2.18), 1e-4), 3), epsilon(Pareto(alpha=14.8, c=0.5), 0.9)
    (0.675, 0.0)
    """
    return max(0.0, math.log(tail.c / delta) / tail.alpha)


def heavier_epsilon(tail: GeneralisedPareto, threshold: float, share: float, delta: float) -> float:
    """Return the estimated epsilon when the excesses follow `tail` and `share` of the texts lie beyond the threshold.

    >>> round(heavier_epsilon(GeneralisedPareto(0.0, 0.1), 0.2, 0.1, 1e-4), 3)
    0.891
    >>> round(heavier_epsilon(GeneralisedPareto(0.1, 0.1), 0.2, 0.1, 1e-4), 3)
    1.195
    """
    return max(0.0, threshold + excess_of(tail, delta / share))


def fit_tail(log_c: np.ndarray, settings: TailTestSettings, seed: int) -> dict[str, Any]:
    """Fit and test one sample.

    Args:
        log_c: [texts], in nats.
        settings: the settings of the test.
        seed: the seed of the simulation.

    Returns:
        texts, threshold, exceedances; alpha, c, ks, critical and rejected (ks > critical), which are null if nothing
        lies beyond the threshold; shape, shape_low, shape_high: the shape of the generalised Pareto distribution and
        the limits of its 95 % interval, null if too few texts lie beyond the threshold; verdict, which is `undecided`
        in that case, whatever `rejected` says; estimated_epsilon and estimated_epsilon_high, one per delta, for the
        Pareto tail and for the distribution with shape_high, null unless the verdict is `not rejected` and the delta
        lies in the tail.
    """
    log_c = np.asarray(log_c, np.float64)
    fixed = settings.threshold
    threshold = float(np.quantile(log_c, settings.threshold_quantile)) if fixed is None else fixed
    excess = excesses(log_c, threshold)
    row: dict[str, Any] = {"texts": len(log_c), "threshold": threshold, "exceedances": len(excess)}
    row |= dict.fromkeys(("alpha", "c", "ks", "critical", "rejected", "shape", "shape_low", "shape_high"))
    row["verdict"] = UNDECIDED
    row["estimated_epsilon"] = row["estimated_epsilon_high"] = [None] * len(settings.deltas)
    if not len(excess):
        return row
    tail, ks, share = hill(log_c, threshold), lilliefors(excess), len(excess) / len(log_c)
    critical = critical_value(len(excess), settings.simulations, seed)
    row |= {**tail._asdict(), "ks": ks, "critical": critical, "rejected": ks > critical}
    if len(excess) < settings.minimum_exceedances:
        return row
    fit = fit_shape(excess)
    row |= {"shape": fit.best.shape, "shape_low": fit.low, "shape_high": fit.high.shape}
    row["verdict"] = REJECTED if row["rejected"] else NOT_REJECTED
    if row["verdict"] == NOT_REJECTED:
        deltas = [delta if delta < share else None for delta in settings.deltas]
        row["estimated_epsilon"] = [delta and epsilon(tail, delta) for delta in deltas]
        row["estimated_epsilon_high"] = [
            delta and heavier_epsilon(fit.high, threshold, share, delta) for delta in deltas
        ]
    return row


def survival(log_c: np.ndarray, points: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Return values of log c, at ranks spaced evenly on a logarithmic axis, and the sample's share at or beyond each.

    >>> survival(np.array([3.0, 1.0, 2.0, 0.0]))
    (array([3., 2., 1., 0.]), array([0.25, 0.5 , 0.75, 1.  ]))
    """
    ranks = np.unique(np.geomspace(1, len(log_c), points).round().astype(np.int64))
    return np.sort(log_c)[::-1][ranks - 1], ranks / len(log_c)


def fit_tails(
    samples: Sequence[str | Path], settings: TailTestSettings, seed: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Fit and test files of log c, whose headers hold `pair` and `direction`; errors are those of `load_tensors`.

    Returns:
        A dict with deltas, minimum_exceedances and fits, which holds a row of `fit_tail` for each file; and a frame of
        `survival` with one row per point: pair, direction, log_c, share.
    """
    fits, curves = [], []
    for path in samples:
        arrays, about = load_tensors(path)
        fits.append(about | fit_tail(arrays["log_c"], settings, seed))
        values, share = survival(arrays["log_c"])
        curves.append(pd.DataFrame({**about, "log_c": values, "share": share}))
    shared = {"deltas": settings.deltas, "minimum_exceedances": settings.minimum_exceedances}
    return {**shared, "fits": fits}, pd.concat(curves, ignore_index=True)
