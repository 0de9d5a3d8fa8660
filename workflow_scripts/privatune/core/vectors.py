"""A model's tensors as one vector, and back, so that values can be selected among all values of the model."""

import math
from collections.abc import Iterator, Mapping

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import Arrays

Shapes = Mapping[str, tuple[int, ...]]  # the shapes of a model's tensors, by name


def shapes_of(arrays: Mapping[str, np.ndarray]) -> Shapes:
    """The shape of every tensor, by name.

    >>> shapes_of({"bias": np.zeros(3)})
    {'bias': (3,)}
    """
    return {name: array.shape for name, array in arrays.items()}


def size_of(like: Shapes) -> int:
    """The number of values in a model.

    >>> size_of({"weight": (2, 3), "bias": (3,)})
    9
    """
    return sum(math.prod(shape) for shape in like.values())


def spans(like: Shapes) -> Iterator[tuple[str, slice]]:
    """Yield the name of each tensor and its slice of the vector, in the order of names."""
    start = 0
    for name in sorted(like):
        end = start + math.prod(like[name])
        yield name, slice(start, end)
        start = end


def flat(update: Mapping[str, np.ndarray]) -> np.ndarray:
    """All values of an update as a new float32 vector [n], with the tensors in the order of names.

    Raises:
        PrivatuneError: a value is NaN or infinite, or becomes so as float32.
    """
    parts = [np.asarray(update[name], np.float32).ravel() for name in sorted(update)]
    vector = np.concatenate(parts) if parts else np.empty(0, np.float32)
    if not np.isfinite(vector).all():
        raise PrivatuneError("an update holds NaN or infinity: its training has diverged; lower its learning_rate")
    return vector


def shaped(vector: np.ndarray, like: Shapes) -> Arrays:
    """The tensors in a vector [n], as views of it."""
    return {name: vector[span].reshape(like[name]) for name, span in spans(like)}
