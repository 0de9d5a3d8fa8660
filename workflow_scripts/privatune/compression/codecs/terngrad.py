"""TernGrad: each value is rounded at random to -1, 0 or 1 times the scale of its tensor (Wen et al. 2017).

The paper's clients share the largest scale. Here each client has its own, since clients cannot see each other's scales.
"""

import numpy as np

from privatune.compression import wire
from privatune.compression.kernels.packing import pack_ternary, unpack_ternary
from privatune.compression.kernels.quantisation import ternary
from privatune.compression.settings import TerngradSettings
from privatune.core.streams import stream_key
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, flat, shaped, shapes_of, size_of, spans


def encode(
    update: Arrays, state: Arrays, settings: TerngradSettings, key: int, cohort_size: int
) -> tuple[bytes, Arrays]:
    """A payload of 1.6 n bits, 32 bits per tensor and the header (equations 1 to 3, section 3.2).

    It is unbiased except for the clipping.
    """
    values, like = flat(update), shapes_of(update)
    codes, scales = np.empty(len(values), np.int8), []
    for name, span in spans(like):
        part = values[span]
        if settings.clip_sigmas is not None and len(part):
            limit = np.float32(settings.clip_sigmas * part.std(dtype=np.float64))
            part = part.clip(-limit, limit)
        scales.append(np.abs(part).max(initial=0))
        codes[span] = ternary(part, float(scales[-1]), stream_key(key, "ternary", name))
    sections = [np.array(scales, "<f4"), pack_ternary(codes)]
    return wire.write("terngrad", like, sections, settings.zstd), state


def decode(payload: bytes, like: Shapes, settings: TerngradSettings) -> Arrays:
    """The codes of each tensor times its scale; raises PrivatuneError when the payload is damaged."""
    n = size_of(like)
    numbers, packed = wire.read(payload, "terngrad", like, [4 * len(like), -(-n // 5)])
    vector = unpack_ternary(np.frombuffer(packed, np.uint8), n).astype(np.float32)
    for (_, span), scale in zip(spans(like), wire.numbers(numbers, "<f4", len(like)), strict=True):
        vector[span] *= scale
    return shaped(vector, like)
