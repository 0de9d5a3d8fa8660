"""Sparse payloads: some of a model's values, with their indices."""

import math
import struct
from fractions import Fraction

import numpy as np

from privatune.compression import wire
from privatune.compression.kernels.indices import pack_indices, unpack_indices
from privatune.core.errors import PrivatuneError
from privatune.core.vectors import Shapes, size_of

_COUNT = struct.Struct("<I")


def kept(share: float, n: int) -> int:
    """The number of values in a share of n values, rounded up, so at least one unless n is 0.

    The share is the decimal fraction that the configuration states: as a float, 0.07 of 658,000 is over 46,060.

    >>> kept(0.01, 200), kept(0.01, 10), kept(0.5, 0), kept(0.07, 658_000)
    (2, 1, 0, 46060)
    """
    return min(n, math.ceil(Fraction(repr(float(share))) * n))


def write(codec: str, like: Shapes, indices: np.ndarray, values: np.ndarray, zstd: bool) -> bytes:
    """A payload with values [k] and their ascending indices [k] in the whole model's vector."""
    return wire.write(codec, like, [places(indices), values.astype("<f4")], zstd)


def read(payload: bytes, codec: str, like: Shapes) -> np.ndarray:
    """The vector [n] with the values that `write` wrote, and zeros; raises PrivatuneError if the payload is damaged."""
    n = size_of(like)
    section, values = wire.read(payload, codec, like, [places_most(n), 4 * n])
    indices = read_places(section, n)
    vector = np.zeros(n, np.float32)
    vector[indices] = wire.numbers(values, "<f4", len(indices))
    return vector


def places(indices: np.ndarray) -> bytes:
    """A section with ascending indices: their number as uint32, then their packed differences."""
    return _COUNT.pack(len(indices)) + pack_indices(indices).tobytes()


def places_most(n: int) -> int:
    """The largest number of bytes that a section of indices below n can have."""
    return _COUNT.size + n // 8 + 8  # packed indices never take more than a bitmap


def read_places(section: memoryview, n: int) -> np.ndarray:
    """The indices in a section of `places`, uint32 [count], ascending, below n; PrivatuneError if it is damaged."""
    if len(section) < _COUNT.size:
        raise PrivatuneError("truncated: a section of indices has no count")
    (count,) = _COUNT.unpack_from(section)
    return unpack_indices(np.frombuffer(section[_COUNT.size :], np.uint8), count, n)
