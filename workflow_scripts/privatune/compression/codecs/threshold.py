"""Threshold: the signs of values whose magnitude exceeds tau are sent and decoded as +-tau (Strom 2015)."""

import numpy as np

from privatune.compression import sparse, wire
from privatune.compression.kernels.packing import pack_signs, unpack_signs
from privatune.compression.kernels.selection import above
from privatune.compression.settings import ThresholdSettings
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, flat, shaped, shapes_of, size_of


def encode(
    update: Arrays, state: Arrays, settings: ThresholdSettings, key: int, cohort_size: int
) -> tuple[bytes, Arrays]:
    """A payload of packed indices and one sign bit per index; Strom sends 32 bits per entry."""
    values = flat(update)
    indices = above(values, settings.tau)
    places, signs = sparse.places(indices), pack_signs(values[indices])
    return wire.write("threshold", shapes_of(update), [places, signs], settings.zstd), state


def decode(payload: bytes, like: Shapes, settings: ThresholdSettings) -> Arrays:
    """+-tau where a sign was sent, and zero elsewhere; raises PrivatuneError when the payload is damaged."""
    n = size_of(like)
    places, signs = wire.read(payload, "threshold", like, [sparse.places_most(n), -(-n // 8)])
    indices = sparse.read_places(places, n)
    vector = np.zeros(n, np.float32)
    vector[indices] = unpack_signs(np.frombuffer(signs, np.uint8), len(indices)) * np.float32(settings.tau)
    return shaped(vector, like)
