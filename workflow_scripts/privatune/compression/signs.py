"""Payloads of one sign bit a value and a few float32 numbers for each tensor, by which the signs are scaled."""

import numpy as np

from privatune.compression import wire
from privatune.compression.kernels.packing import pack_signs, unpack_signs
from privatune.core.vectors import Shapes, size_of


def write(codec: str, like: Shapes, values: np.ndarray, scales: np.ndarray, zstd: bool) -> bytes:
    """A payload of the signs of values [n] and of scales [tensors, s], tensors in the order of names."""
    return wire.write(codec, like, [scales.astype("<f4"), pack_signs(values)], zstd)


def read(payload: bytes, codec: str, like: Shapes, scales: int) -> tuple[np.ndarray, np.ndarray]:
    """Signs [n], +1 or -1 in float32, and scales [tensors, scales]; raises PrivatuneError when it is damaged."""
    n, count = size_of(like), len(like) * scales
    numbers, bits = wire.read(payload, codec, like, [4 * count, -(-n // 8)])
    signs = unpack_signs(np.frombuffer(bits, np.uint8), n)
    return signs, wire.numbers(numbers, "<f4", count).reshape(len(like), scales)
