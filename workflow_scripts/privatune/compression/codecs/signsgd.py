"""signSGD with majority vote (Bernstein et al. 2018): clients send signs, and the server sends the majority's signs."""

import zlib
from collections.abc import Iterable

import numpy as np

from privatune.compression import signs
from privatune.compression.combining import decoded
from privatune.compression.settings import SignsgdSettings
from privatune.core.streams import stream, stream_key
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, flat, shaped, shapes_of, size_of


def encode(
    update: Arrays, state: Arrays, settings: SignsgdSettings, key: int, cohort_size: int
) -> tuple[bytes, Arrays]:
    """A payload of n bits and the header. The server's vote is encoded in the same way for the download.

    A zero has no sign, so one is drawn: if it were always +, the embedding of every word that no client has read would
    move in that direction at each step.
    """
    values = flat(update)
    zeros = np.flatnonzero(values == 0)
    values[zeros] = _signs(key, "sign of zero", len(zeros))
    return signs.write("signsgd", shapes_of(update), values, np.empty(0), settings.zstd), state


def combine(
    payloads: Iterable[bytes], like: Shapes, state: Arrays, settings: SignsgdSettings, cohort_size: int
) -> tuple[Arrays, Arrays]:
    """`step` times the sign that most clients sent; ties are drawn at random, with a seed that depends on all payloads.

    Raises:
        PrivatuneError: a payload is damaged.
    """
    votes, seen = np.zeros(size_of(like)), 0

    def counted() -> Iterable[bytes]:
        nonlocal seen
        for payload in payloads:
            seen = stream_key(seen, "payload", zlib.crc32(payload))
            yield payload

    for ballot in decoded(counted(), _ballot, like, settings):
        votes += ballot["votes"]
    ties = np.flatnonzero(votes == 0)
    votes[ties] = _signs(seen, "tie", len(ties))
    return shaped(np.sign(votes) * settings.step, like), state


def _ballot(payload: bytes, like: Shapes, settings: SignsgdSettings) -> Arrays:
    return {"votes": signs.read(payload, "signsgd", like, 0)[0]}


def _signs(key: int, purpose: str, count: int) -> np.ndarray:
    return 2.0 * stream(key, purpose).integers(0, 2, count, np.int8) - 1
