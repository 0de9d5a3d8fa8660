"""The half codec: every value is rounded to the nearest float16 or bfloat16, with ties to even."""

import numpy as np

from privatune.compression import wire
from privatune.compression.settings import HalfSettings
from privatune.core.errors import PrivatuneError
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, flat, shaped, shapes_of, size_of

_INFINITE = {"float16": np.uint16(0x7C00), "bfloat16": np.uint16(0x7F80)}  # exponents of infinity and NaN


def encode(update: Arrays, state: Arrays, settings: HalfSettings, key: int, cohort_size: int) -> tuple[bytes, Arrays]:
    """A payload of 16 n bits and the header; raises PrivatuneError if a value is too large for the type."""
    values = flat(update)
    if settings.precision == "float16":
        with np.errstate(over="ignore"):
            stored = values.astype("<f2").view("<u2")
    else:
        stored = _to_bfloat16(values)
    if ((stored & _INFINITE[settings.precision]) == _INFINITE[settings.precision]).any():
        raise PrivatuneError(
            f"codec.precision: a value is too large for {settings.precision}; take a wider precision or another codec"
        )
    return wire.write("half", shapes_of(update), [stored], settings.zstd), state


def decode(payload: bytes, like: Shapes, settings: HalfSettings) -> Arrays:
    """The rounded update as float32; raises PrivatuneError when the payload is damaged."""
    n = size_of(like)
    (stored,) = wire.read(payload, "half", like, [2 * n])
    return shaped(_float32(wire.numbers(stored, "<u2", n), settings.precision), like)


def _to_bfloat16(values: np.ndarray) -> np.ndarray:
    """Round to nearest, ties to even: add almost half of the last unit kept, or exactly half if it is odd; truncate."""
    bits = values.view(np.uint32)
    return ((bits + (0x7FFF + ((bits >> 16) & 1))) >> 16).astype("<u2")


def _float32(stored: np.ndarray, precision: str) -> np.ndarray:
    if precision == "float16":
        return stored.view("<f2").astype(np.float32)
    return (stored.astype(np.uint32) << 16).view(np.float32)
