"""Compute the size of an update before there is one, by encoding a random update of the model's shapes."""

from functools import cache

import numpy as np

from privatune.compression.codec import encode
from privatune.compression.settings import CodecSettings
from privatune.core.streams import stream, stream_key
from privatune.models.settings import ModelSettings
from privatune.models.sizes import shapes


@cache
def payload_bytes(codec: CodecSettings, model: ModelSettings, vocabulary: int, cohort_size: int) -> int:
    """Return the bytes of a device's payload, for normally distributed values with standard deviation 0.001."""
    rng = stream(0, "planned payload")
    update = {name: rng.normal(0, 1e-3, shape).astype(np.float32) for name, shape in shapes(model, vocabulary).items()}
    payload, _ = encode(update, {}, codec, stream_key(0, "planned payload"), cohort_size)
    return len(payload)
