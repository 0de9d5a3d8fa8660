"""Which examples a private step uses."""

from collections.abc import Callable, Iterator

import numpy as np
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.streams import random_words
from privatune.training.examples import Examples, Minibatch, minibatches


def poisson(n: int, q: float, seed: int, step: int) -> np.ndarray:
    """Draw each of n examples independently with probability q, and return their indices, int64, in rising order.

    A step may use no example, or all of them. Which ones it uses must stay secret where privacy is claimed, so the draw
    comes from `random_words`, and then the seed must be secret too.

    Args:
        n: number of examples.
        q: from 0 to 1; the probability is q, or less by less than 2^-64.
        seed: seed of the replicate.
        step: number of the step.

    Raises:
        PrivatuneError: q is not a probability.

    >>> poisson(3, 1.0, seed=0, step=1), poisson(3, 0.0, seed=0, step=1).size
    (array([0, 1, 2]), 0)
    """
    if not 0 <= q <= 1:
        raise PrivatuneError(
            f"batch: each example would be drawn with probability {q}; lower the batch size to at most n"
        )
    below = int(q * 2.0**64)  # exact, because the factor is a power of two
    if below == 0:
        return np.empty(0, np.int64)
    return np.flatnonzero(random_words(n, seed, "poisson batch", step) <= np.uint64(below - 1))


def poisson_batches(
    examples: Examples, batch: float, seed: int, most_tokens: int, device: torch.device | str = "cpu"
) -> Callable[[int], Iterator[Minibatch]]:
    """Return a function from the number of a step to the minibatches of its draw; `batch` is the expected size.

    The other arguments are those of `poisson` and `minibatches`, and so are the errors.
    """
    n = len(examples.labels)
    return lambda step: minibatches(examples, poisson(n, batch / max(1, n), seed, step), most_tokens, device)
