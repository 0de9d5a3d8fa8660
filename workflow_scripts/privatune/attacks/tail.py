"""Is the tail of c a Pareto tail, and what epsilon would it mean? (Popov et al. 2018, 'Privacy, measured')

c(s) = P(s | theta) / P(s | theta') for texts s that theta writes. Beyond a threshold, 1 - F(x) = C x^(-alpha), so the
excesses of log c over the log threshold are exponential with mean 1 / alpha. If P(c(s) > e^epsilon) <= delta, then
P(S | theta) <= e^epsilon P(S | theta') + delta for every set S of texts. As alpha and C are estimated, and the line is
drawn on beyond the sample, epsilon is an estimate that holds with high probability, not a proof of differential
privacy.

The test lets many heavier tails pass, and then the line lies below them. So a generalised Pareto distribution, of which
the exponential one is the case of shape 0, is fitted to the same excesses, and epsilon is given under the upper limit
of its shape's interval too.

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

LEVEL = 0.05  # of the test
PAPER_CRITICAL = 1.08  # the paper's critical value at this level, for any size
NOT_REJECTED, REJECTED, UNDECIDED = "not rejected", "rejected", "undecided"

_AT_ONCE = 1 << 21  # values of a simulation in memory


class Pareto(NamedTuple):
    """The tail 1 - F(x) = c x^(-alpha)."""

    alpha: float
    c: float


def hill(log_c: np.ndarray, threshold: float) -> Pareto:
    """Hill's estimator of alpha, and the C with which the line starts at the share of the sample beyond the threshold.

    Args:
        log_c: [n], finite.
        threshold: on log c.

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
    """How far the values beyond the threshold are beyond it."""
    return log_c[log_c > threshold] - threshold


def lilliefors(excess: np.ndarray) -> float:
    """sqrt(n) times the Kolmogorov-Smirnov distance to the exponential distribution of the sample's own mean.

    Lilliefors (1969); the scale is estimated from the same sample, so the critical value is not Kolmogorov's.
    """
    return float(_distances(np.sort(np.asarray(excess, np.float64))[None])[0])


def _distances(ordered: np.ndarray) -> np.ndarray:
    """The statistic of each row of ordered samples [samples, n]."""
    n = ordered.shape[1]
    share = -np.expm1(-ordered / ordered.mean(1, keepdims=True))
    steps = np.arange(n + 1) / n
    distance = np.maximum((share - steps[:-1]).max(1), (steps[1:] - share).max(1))
    return math.sqrt(n) * distance


@cache
def critical_value(size: int, simulations: int, seed: int) -> float:
    """The statistic that a sample of `size` exponential values exceeds in 5 % of cases, by simulation.

    With 10,000 simulations its standard error is some 0.005.
    """
    rng = stream(seed, "critical value", size)
    # the gaps between ordered exponential values are exponential with rates n, n - 1, ... 1 (Renyi 1953): no sorting
    rates = np.arange(size, 0, -1.0)
    rows = max(1, _AT_ONCE // size)
    parts = [
        _distances(np.cumsum(rng.standard_exponential((min(rows, simulations - done), size)) / rates, axis=1))
        for done in range(0, simulations, rows)
    ]
    return float(np.quantile(np.concatenate(parts), 1 - LEVEL))


def epsilon(tail: Pareto, delta: float) -> float:
    """The epsilon that c exceeds e^epsilon with probability delta.

    Never below 0: for delta > C the line says that c > 1 is already less likely than delta, and epsilon = 0 is the
    strongest statement there is.

    >>> round(epsilon(Pareto(alpha=14.8, c=2.18), 1e-4), 3), epsilon(Pareto(alpha=14.8, c=0.5), 0.9)
    (0.675, 0.0)
    """
    return max(0.0, math.log(tail.c / delta) / tail.alpha)


def heavier_epsilon(tail: GeneralisedPareto, threshold: float, share: float, delta: float) -> float:
    """The same where the excesses follow this distribution, and `share` of the texts lie beyond the threshold.

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
        settings: see there.
        seed: of the simulation.

    Returns:
        texts, threshold, exceedances; alpha, c, ks, critical, rejected (ks > critical; these are null where nothing
        lies beyond the threshold); shape, shape_low, shape_high: of the generalised Pareto distribution with the limits
        of its 95 % interval, null while too few texts lie beyond the threshold; verdict, which then is `undecided`
        whatever `rejected` says; estimated_epsilon, estimated_epsilon_high: one a delta, of the Pareto tail and of the
        distribution of shape_high, null unless the verdict is `not rejected`, and for a delta that is not in the tail.
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
    """Values of log c and the share of the sample at or beyond each, at ranks that are even on a logarithmic axis.

    >>> survival(np.array([3.0, 1.0, 2.0, 0.0]))
    (array([3., 2., 1., 0.]), array([0.25, 0.5 , 0.75, 1.  ]))
    """
    ranks = np.unique(np.geomspace(1, len(log_c), points).round().astype(np.int64))
    return np.sort(log_c)[::-1][ranks - 1], ranks / len(log_c)


def fit_tails(
    samples: Sequence[str | Path], settings: TailTestSettings, seed: int
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Fit and test files of log c, each with `pair` and `direction` in its header; errors as `load_tensors`.

    Returns:
        {deltas, minimum_exceedances, fits: a row of `fit_tail` for each file}; a frame of `survival`, one row a point:
        pair, direction, log_c, share.
    """
    fits, curves = [], []
    for path in samples:
        arrays, about = load_tensors(path)
        fits.append(about | fit_tail(arrays["log_c"], settings, seed))
        values, share = survival(arrays["log_c"])
        curves.append(pd.DataFrame({**about, "log_c": values, "share": share}))
    shared = {"deltas": settings.deltas, "minimum_exceedances": settings.minimum_exceedances}
    return {**shared, "fits": fits}, pd.concat(curves, ignore_index=True)
