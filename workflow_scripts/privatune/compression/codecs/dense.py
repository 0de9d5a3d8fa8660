"""The dense codec: every value as float32."""

from privatune.compression import wire
from privatune.compression.settings import DenseSettings
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, flat, shaped, shapes_of, size_of


def encode(update: Arrays, state: Arrays, settings: DenseSettings, key: int, cohort_size: int) -> tuple[bytes, Arrays]:
    """A payload of 32 n bits and the header."""
    return wire.write("dense", shapes_of(update), [flat(update).astype("<f4")], settings.zstd), state


def decode(payload: bytes, like: Shapes, settings: DenseSettings) -> Arrays:
    """The unchanged update; raises PrivatuneError when the payload is damaged."""
    n = size_of(like)
    (values,) = wire.read(payload, "dense", like, [4 * n])
    return shaped(wire.numbers(values, "<f4", n), like)
