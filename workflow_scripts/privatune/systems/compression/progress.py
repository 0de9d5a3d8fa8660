"""Describe the progress of a training."""

from collections.abc import Iterator
from typing import NamedTuple

from privatune.core.tensors import Arrays


class Progress(NamedTuple):
    """The state of a training after some steps."""

    steps: int  # how many times every device has sent
    tokens: int  # words read so far by all devices
    bits_up: int  # bits sent so far by all devices
    bits_down: int  # bits received so far by all devices
    model: Arrays  # float32 weights, which the caller may change


Training = tuple[int, Iterator[Progress]]  # the number of its steps, and the progress after each


def reached(share: float, steps: int) -> int:
    """Return the step at which a share of the training is done; it is at least 1.

    >>> reached(0.5, 12), reached(0.01, 12)
    (6, 1)
    """
    return max(1, round(share * steps))
