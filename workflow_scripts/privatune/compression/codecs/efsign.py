"""EF-signSGD: signs, scaled by the mean magnitude of each tensor (Karimireddy et al. 2019, algorithm 1)."""

import numpy as np

from privatune.compression import signs
from privatune.compression.settings import EfsignSettings
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, flat, shaped, shapes_of, spans


def encode(update: Arrays, state: Arrays, settings: EfsignSettings, key: int, cohort_size: int) -> tuple[bytes, Arrays]:
    """A payload of n bits, 32 bits per tensor and the header.

    The paper encodes lr g + e. With a constant learning rate lr, encoding g + e is equivalent.
    """
    values, like = flat(update), shapes_of(update)
    # a tensor without values has no mean and needs no scale
    scales = [np.abs(values[span]).sum(dtype=np.float64) / max(span.stop - span.start, 1) for _, span in spans(like)]
    return signs.write("efsign", like, values, np.array(scales), settings.zstd), state


def decode(payload: bytes, like: Shapes, settings: EfsignSettings) -> Arrays:
    """The signs of each tensor times ||p||_1 / n; raises PrivatuneError when the payload is damaged."""
    vector, scales = signs.read(payload, "efsign", like, 1)
    for (_, span), (scale,) in zip(spans(like), scales, strict=True):
        vector[span] *= scale
    return shaped(vector, like)
