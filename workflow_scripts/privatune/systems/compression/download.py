"""The model as it reaches a person who joins: that person has no earlier one, so all of it is sent, through a codec."""

from typing import NamedTuple

import numpy as np

from privatune.compression.codec import combine, encode
from privatune.core.tensors import Arrays
from privatune.core.vectors import shapes_of
from privatune.systems.compression.methods import DownloadSettings


class Download(NamedTuple):
    """What was sent, and what the person has then."""

    length: int  # bytes
    weights: Arrays  # float32


def download(weights: Arrays, codec: DownloadSettings, key: int) -> Download:
    """Send a model.

    Args:
        weights: float32, of the server.
        codec: dense gives the same weights back.
        key: of the codec's stream.
    """
    payload, _ = encode(weights, {}, codec, key, 1)
    arrived, _ = combine([payload], shapes_of(weights), {}, codec, 1)
    return Download(len(payload), {name: array.astype(np.float32) for name, array in arrived.items()})
