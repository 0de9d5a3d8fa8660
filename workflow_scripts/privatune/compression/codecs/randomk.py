"""Random-k: values at k random places, which a seed tells the server (Konecny et al. 2016; Stich et al. 2018)."""

import numpy as np

from privatune.compression import wire
from privatune.compression.settings import RandomkSettings
from privatune.compression.sparse import kept
from privatune.core.streams import stream_key
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, flat, shaped, shapes_of, size_of

_SEED_BYTES = 16


def encode(
    update: Arrays, state: Arrays, settings: RandomkSettings, key: int, cohort_size: int
) -> tuple[bytes, Arrays]:
    """A payload of 32 k + 128 bits and the header; no index is sent."""
    values = flat(update)
    # a hash of the client's key, which stays secret: the seed reveals the places and nothing else
    seed = stream_key(key, "random-k").to_bytes(_SEED_BYTES, "little")
    sent = values[_places(seed, settings, len(values))]
    return wire.write("randomk", shapes_of(update), [seed, sent.astype("<f4")], settings.zstd), state


def decode(payload: bytes, like: Shapes, settings: RandomkSettings) -> Arrays:
    """The values that were sent, times n / k unless there is error feedback, and zero elsewhere.

    The factor makes the expected value over seeds equal to the update. With error feedback the residual already does
    so, and the factor would count the values twice.

    Raises:
        PrivatuneError: the payload is damaged.
    """
    n = size_of(like)
    k = kept(settings.share, n)
    seed, sent = wire.read(payload, "randomk", like, [_SEED_BYTES, 4 * k])
    places = _places(wire.numbers(seed, "<u1", _SEED_BYTES).tobytes(), settings, n)
    scale = np.float32(1 if settings.error_feedback or not k else n / k)
    vector = np.zeros(n, np.float32)
    with np.errstate(over="ignore"):  # an overflow is refused later as not finite
        vector[places] = wire.numbers(sent, "<f4", k) * scale
    return shaped(vector, like)


def _places(seed: bytes, settings: RandomkSettings, n: int) -> np.ndarray:
    """[k] different places below n; every subset is equally likely."""
    rng = np.random.Generator(np.random.Philox(key=int.from_bytes(seed, "little")))
    return rng.choice(n, kept(settings.share, n), replace=False, shuffle=False)
