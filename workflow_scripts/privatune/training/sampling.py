"""Which examples a private step uses."""

import math
from collections.abc import Callable, Iterable

import numpy as np
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.streams import random_words
from privatune.training.examples import Examples, Minibatch, minibatches

LENGTHENED = 1 + 2.0**-40  # makes up for the rounding of logarithms, many times over


def poisson(n: int, q: float, seed: int, step: int) -> np.ndarray:
    """Draw each of n examples independently with probability q, and return their indices, int64, in rising order.

    A step may use no example, or all of them. Which ones it uses must stay secret where privacy is claimed, so the draw
    comes from `random_words`, and then the seed must be secret too.

    The number of examples between two that are drawn has a geometric distribution, so a step needs about q n random
    numbers. Each is a rounded logarithm, and is lengthened by more than it was rounded: the probability is q, or less
    by less than 10^-9 of it.

    Args:
        n: number of examples.
        q: from 0 to 1.
        seed: seed of the replicate.
        step: number of the step.

    Raises:
        PrivatuneError: q is not a probability.

    >>> poisson(3, 1.0, seed=0, step=1), poisson(3, 0.0, seed=0, step=1).size
    (array([0, 1, 2]), 0)
    """
    if not 0 <= q <= 1:
        raise PrivatuneError(
            f"batch: each example would be drawn with probability {q:g}; lower the batch size to at most {n}"
        )
    if q == 1:
        return np.arange(n)
    drawn, last, block = [np.empty(0, np.int64)], -1, 0
    while q > 0 and last < n:
        words = random_words(int(n * q + 4 * math.sqrt(n * q)) + 16, seed, "poisson batch", step, block)
        passed = np.log((words + 1.0) * 2.0**-64) / math.log1p(-q) * LENGTHENED  # uniform numbers from 2^-64 to 1
        drawn.append(last + np.cumsum(np.minimum(passed, n).astype(np.int64) + 1))
        last, block = int(drawn[-1][-1]), block + 1
    found = np.concatenate(drawn)
    return found[found < n]


def poisson_batches(
    examples: Examples, batch: float, seed: int, most_tokens: int, device: torch.device | str = "cpu"
) -> Callable[[int], Iterable[Minibatch]]:
    """Return a function from the number of a step to the minibatches of its draw; `batch` is the expected size.

    If every step takes all examples, they are gathered once and kept. The other arguments are those of `poisson` and
    `minibatches`, and so are the errors.
    """
    n = len(examples.labels)
    if batch == n:
        everyone = list(minibatches(examples, np.arange(n), most_tokens, device))
        return lambda step: everyone
    return lambda step: minibatches(examples, poisson(n, batch / max(1, n), seed, step), most_tokens, device)
