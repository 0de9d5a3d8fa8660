"""QSGD: each value is rounded at random to one of a few levels of its bucket's norm (Alistarh et al. 2017)."""

import numpy as np

from privatune.compression import wire
from privatune.compression.kernels.packing import encode_levels, packed_length, unpack_levels
from privatune.compression.kernels.quantisation import bucket_norms, dequantise
from privatune.compression.settings import QsgdSettings
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, flat, shaped, shapes_of, size_of


def encode(update: Arrays, state: Arrays, settings: QsgdSettings, key: int, cohort_size: int) -> tuple[bytes, Arrays]:
    """A payload of ceil(log2(2 levels + 1)) n bits, 32 bits per bucket and the header; unbiased (section 3.1).

    Buckets extend across tensors. All codes have the same width, in place of the paper's Elias coding.
    """
    values = flat(update)
    norms = bucket_norms(values, settings.bucket, settings.norm)
    packed = encode_levels(values, norms, settings.bucket, settings.levels, key)
    return wire.write("qsgd", shapes_of(update), [norms.astype("<f4"), packed], settings.zstd), state


def decode(payload: bytes, like: Shapes, settings: QsgdSettings) -> Arrays:
    """norm * code / levels; raises PrivatuneError when the payload is damaged."""
    n = size_of(like)
    buckets = -(-n // settings.bucket)
    limits = [4 * buckets, packed_length(n, (2 * settings.levels).bit_length())]
    numbers, packed = wire.read(payload, "qsgd", like, limits)
    codes = unpack_levels(np.frombuffer(packed, np.uint8), n, settings.levels)
    norms = wire.numbers(numbers, "<f4", buckets)
    return shaped(dequantise(codes, norms, settings.bucket, settings.levels), like)
