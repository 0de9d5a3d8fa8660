"""Read payloads one by one and average them, as most codecs do."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes

Decode = Callable[[bytes, Shapes, Any], Arrays]


def decoded(payloads: Iterable[bytes], decode: Decode, like: Shapes, settings: Any) -> Iterator[Arrays]:
    """Yield the update in each payload, in order.

    Raises:
        PrivatuneError: a payload is damaged or holds a value that is not finite; the message has its index, from 0.
    """
    for place, payload in enumerate(payloads):
        try:
            update = decode(payload, like, settings)
        except PrivatuneError as error:
            raise PrivatuneError(f"payload {place}: {error}") from error
        if not all(np.isfinite(change).all() for change in update.values()):
            raise PrivatuneError(
                f"payload {place}: it holds NaN or infinity: the client's training has diverged; lower its "
                "learning_rate"
            )
        yield update


def mean_of(updates: Iterable[Arrays], like: Shapes, cohort_size: int) -> Arrays:
    """The sum of the updates, in float64 and in order, divided by the public cohort size and not by their number."""
    total = {name: np.zeros(shape, np.float64) for name, shape in like.items()}
    for update in updates:
        for name, change in update.items():
            total[name] += change
    for change in total.values():
        change /= cohort_size
    return total
