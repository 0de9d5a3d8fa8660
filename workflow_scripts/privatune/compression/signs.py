"""Payloads with one sign bit per value and a few float32 numbers per tensor, which scale the signs."""

import numpy as np

from privatune.compression import wire
from privatune.compression.kernels.packing import pack_signs, unpack_signs
from privatune.core.vectors import Shapes, size_of


def write(codec: str, like: Shapes, values: np.ndarray, scales: np.ndarray, zstd: bool) -> bytes:
    """A payload with the signs of values [n] and with scales [tensors, s]; tensors are in the order of names."""
    return wire.write(codec, like, [scales.astype("<f4"), pack_signs(values)], zstd)


def read(payload: bytes, codec: str, like: Shapes, scales: int) -> tuple[np.ndarray, np.ndarray]:
    """Signs [n], float32 +1 or -1, and scales [tensors, scales]; raises PrivatuneError if the payload is damaged."""
    n, count = size_of(like), len(like) * scales
    numbers, bits = wire.read(payload, codec, like, [4 * count, -(-n // 8)])
    signs = unpack_signs(np.frombuffer(bits, np.uint8), n)
    return signs, wire.numbers(numbers, "<f4", count).reshape(len(like), scales)
