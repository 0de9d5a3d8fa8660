"""Fit a generalised Pareto distribution by maximum likelihood, to see how heavy a tail is (Coles 2001, chapter 4).

Excesses over a high threshold follow this distribution in the limit, for almost any distribution that they come from.
They exceed x with probability (1 + shape x / scale)^(-1 / shape), which is exp(-x / scale) when the shape is 0. A
positive shape means a tail heavier than the exponential one.
"""

import math
from typing import NamedTuple

import numpy as np
from scipy.optimize import brentq, minimize_scalar

LEAST, MOST = -0.5, 5.0  # the range of shapes; below -1/2 the usual likelihood interval is not valid
_HALF_CHI2 = 1.9207  # half of the 95 % point of chi squared with one degree of freedom
_EXPONENTIAL = 1e-9  # a shape closer to 0 than this equals 0 in float64


class GeneralisedPareto(NamedTuple):
    """The distribution of excesses that exceed x with probability (1 + shape x / scale)^(-1 / shape)."""

    shape: float
    scale: float


class ShapeFit(NamedTuple):
    """The result of `fit_shape`."""

    best: GeneralisedPareto
    low: float
    """The lower limit of the shape's 95 % interval; it is never below `LEAST`."""
    high: GeneralisedPareto
    """The upper limit of the shape's 95 % interval, with the scale that is most likely for this shape."""


def fit_shape(excess: np.ndarray) -> ShapeFit:
    """Fit excesses by maximum likelihood; the interval of the shape comes from its profile likelihood.

    Args:
        excess: [n], with n at least 1 and every value above 0.
    """
    excess = np.asarray(excess, np.float64)

    def log_likelihood(shape: float) -> float:
        return _log_likelihood(excess, most_likely(excess, shape))

    found = minimize_scalar(lambda shape: -log_likelihood(shape), bounds=(LEAST, MOST), options={"xatol": 1e-7})
    shape, level = float(found.x), -float(found.fun) - _HALF_CHI2
    low, high = LEAST, MOST
    if log_likelihood(LEAST) < level:
        low = brentq(lambda other: log_likelihood(other) - level, LEAST, shape)
    if log_likelihood(MOST) < level:
        high = brentq(lambda other: log_likelihood(other) - level, shape, MOST)
    return ShapeFit(most_likely(excess, shape), float(low), most_likely(excess, float(high)))


def most_likely(excess: np.ndarray, shape: float) -> GeneralisedPareto:
    """Return the distribution of this shape, which is above -1, that makes the excesses most likely.

    >>> most_likely(np.array([1.0, 3.0]), 0.0)
    GeneralisedPareto(shape=0.0, scale=2.0)
    """
    if abs(shape) < _EXPONENTIAL:
        return GeneralisedPareto(shape, float(excess.mean()))
    least, largest = float(excess.min()), float(excess.max())

    def slope(scale: float) -> float:  # the log-likelihood per excess, differentiated by log scale; it falls with scale
        return (1 + shape) * float((excess / (scale + shape * excess)).mean()) - 1

    # the slope is 0 or more at the first end and 0 or less at the second
    if shape > 0:
        first, second = least, (1 + shape) * float(excess.mean())
    else:
        first, second = -shape * largest * (1 + 1e-12), largest
    if slope(first) <= 0:
        return GeneralisedPareto(shape, first)
    if slope(second) >= 0:
        return GeneralisedPareto(shape, second)
    return GeneralisedPareto(shape, float(brentq(slope, first, second)))


def excess_of(tail: GeneralisedPareto, probability: float) -> float:
    """Return the value that an excess exceeds with this probability.

    >>> excess_of(GeneralisedPareto(0.0, 2.0), 0.5) == 2 * math.log(2), excess_of(GeneralisedPareto(1.0, 2.0), 0.5)
    (True, 2.0)
    """
    if abs(tail.shape) < _EXPONENTIAL:
        return -tail.scale * math.log(probability)
    return tail.scale / tail.shape * math.expm1(-tail.shape * math.log(probability))


def _log_likelihood(excess: np.ndarray, tail: GeneralisedPareto) -> float:
    shape, scale = tail
    if abs(shape) < _EXPONENTIAL:
        return -len(excess) * (math.log(scale) + float(excess.mean()) / scale)
    return -len(excess) * math.log(scale) - (1 + 1 / shape) * float(np.log1p(shape * excess / scale).sum())
