"""Where a way of training stands, between its start and its end."""

from collections.abc import Iterator
from typing import NamedTuple

from privatune.core.tensors import Arrays


class Progress(NamedTuple):
    """Where training stands."""

    steps: int  # times that every device has sent
    tokens: int  # words read so far, by all devices
    bits_up: int  # so far, of all devices
    bits_down: int
    model: Arrays  # float32 weights, the caller's own


Training = tuple[int, Iterator[Progress]]  # the number of its steps, and where it stands after each


def reached(share: float, steps: int) -> int:
    """The step at which a share of the training is done; at least one.

    >>> reached(0.5, 12), reached(0.01, 12)
    (6, 1)
    """
    return max(1, round(share * steps))
