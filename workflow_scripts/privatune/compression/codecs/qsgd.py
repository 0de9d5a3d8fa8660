"""QSGD: each bucket's norm, and each value rounded at random to one of some levels of it (Alistarh et al. 2017)."""

import numpy as np

from privatune.compression import wire
from privatune.compression.kernels.packing import encode_levels, packed_length, unpack_levels
from privatune.compression.kernels.quantisation import bucket_norms, dequantise
from privatune.compression.settings import QsgdSettings
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, flat, shaped, shapes_of, size_of


def encode(update: Arrays, state: Arrays, settings: QsgdSettings, key: int, cohort_size: int) -> tuple[bytes, Arrays]:
    """ceil(log2(2 levels + 1)) n bits, 32 a bucket and the header; unbiased (section 3.1).

    Buckets run on over the ends of tensors. Codes are packed at one width, without the paper's Elias coding.
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
