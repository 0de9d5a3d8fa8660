"""Keyed random streams: every random draw of the project comes from one of them, never from a global generator."""

import hashlib
import struct

import numpy as np


def stream_key(seed: int, purpose: str, *keys: int | str) -> int:
    """128-bit key of the stream for (seed, purpose, *keys); it is the same on every platform and in every process.

    >>> stream_key(0, "cohort", 1) == stream_key(0, "cohort", 1) != stream_key(0, "cohort", 2)
    True
    """
    digest = hashlib.blake2b(_encoded(seed, purpose, *keys), digest_size=16, person=b"privatune stream")
    return int.from_bytes(digest.digest(), "little")


def _encoded(*parts: int | str) -> bytes:
    """Encode each part with its type and length, so that no two lists of parts give the same bytes."""
    data = [(type(part).__name__.encode(), str(part).encode()) for part in parts]
    return b"".join(kind + struct.pack("<Q", len(text)) + text for kind, text in data)


def stream(seed: int, purpose: str, *keys: int | str) -> np.random.Generator:
    """A counter-based generator for (seed, purpose, *keys); two different keys give independent streams.

    >>> int(stream(7, "example").integers(1000)) == int(stream(7, "example").integers(1000))
    True
    """
    return np.random.Generator(np.random.Philox(key=stream_key(seed, purpose, *keys)))


def random_words(count: int, seed: int, purpose: str, *keys: int | str) -> np.ndarray:
    """[count] uint64 of the stream for (seed, purpose, *keys), for draws that nobody must be able to guess.

    They are the output of SHAKE-128 (FIPS 202), which cannot be told from random bits without the seed, even by someone
    who knows some of them. This is not known to hold for the generator of `stream`, which is faster and made for
    statistics.

    >>> int(random_words(1, 7, "example")[0]) == int(random_words(2, 7, "example")[0])
    True
    """
    data = hashlib.shake_128(b"privatune words" + _encoded(seed, purpose, *keys)).digest(8 * count)
    return np.frombuffer(data, "<u8")
