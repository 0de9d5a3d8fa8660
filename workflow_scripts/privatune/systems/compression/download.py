"""Send the model through a codec to a person who joins, and who gets all of it because there is no earlier one."""

from typing import NamedTuple

import numpy as np

from privatune.compression.codec import combine, encode
from privatune.core.tensors import Arrays
from privatune.core.vectors import shapes_of
from privatune.systems.compression.methods import DownloadSettings


class Download(NamedTuple):
    """What was sent, and the weights that the person then has."""

    length: int  # bytes that were sent
    weights: Arrays  # float32


def download(weights: Arrays, codec: DownloadSettings, key: int) -> Download:
    """Send a model.

    Args:
        weights: the server's float32 weights.
        codec: the codec; `dense` returns the same weights.
        key: the key of the codec's random stream.
    """
    payload, _ = encode(weights, {}, codec, key, 1)
    arrived, _ = combine([payload], shapes_of(weights), {}, codec, 1)
    return Download(len(payload), {name: array.astype(np.float32) for name, array in arrived.items()})
