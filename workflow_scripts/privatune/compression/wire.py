"""The wire format of a payload, byte by byte.

| bytes | content |
|---|---|
| 4 | the magic `PVT` and the version |
| 1 | 1 if zstd compresses what follows the checksum, else 0 |
| 4 | CRC-32 of all other bytes: it detects accidents, not attacks |
| a + 1 | the codec's name: its length in one byte, then ASCII |
| | the number of tensors; for each, in the order of names: length of its name, name in UTF-8, rank, sizes |
| 8 s | the number of bytes of each of the codec's s sections, uint64 |
| | the sections |

Counts and sizes of the tensors are LEB128 (7 bits per byte, lowest first); everything else is little-endian.

A reader knows the model that it must receive. So it never parses names or shapes: it writes the head that the payload
must have and compares the two. Nothing that a payload declares decides how much memory is used.
"""

import struct
import zlib
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import zstandard

from privatune.core.errors import PrivatuneError
from privatune.core.vectors import Shapes

_MAGIC, _VERSION = b"PVT", 1
_FRAME = struct.Struct("<3sBBI")
_ZSTD_LEVEL = 3

Section = bytes | memoryview


def write(codec: str, like: Shapes, sections: Sequence[bytes | np.ndarray], zstd: bool = False) -> bytes:
    """A payload with a codec's sections; arrays must be little-endian. Equal input gives equal bytes."""
    parts = [section if isinstance(section, bytes) else section.tobytes() for section in sections]
    body = b"".join([_head(codec, like), struct.pack(f"<{len(parts)}Q", *map(len, parts)), *parts])
    if zstd:
        body = zstandard.ZstdCompressor(level=_ZSTD_LEVEL).compress(body)
    return _FRAME.pack(_MAGIC, _VERSION, zstd, _checksum(zstd, body)) + body


def read(payload: bytes, codec: str, like: Shapes, most: Sequence[int]) -> list[memoryview]:
    """The sections of a payload, which is not trusted. Memory stays below its length plus sum(most) bytes.

    Args:
        payload: The bytes received.
        codec: Name of the codec that must have written it.
        like: Shapes of the model that it must belong to.
        most: The largest size in bytes that each section can have for this model.

    Raises:
        PrivatuneError: the payload is damaged or not of this codec and model; one line says what is wrong.
    """
    zstd, body = verified(payload)
    head = _head(codec, like)
    start = len(head) + 8 * len(most)
    if zstd:
        body = memoryview(_decompressed(body, start + sum(most)))
    if body[: len(head)] != head:
        raise PrivatuneError(f"not written by the codec {codec} for a model with tensors of these names and shapes")
    if len(body) < start:
        raise PrivatuneError("truncated: it ends in its header")
    sizes = struct.unpack(f"<{len(most)}Q", body[len(head) : start])
    for place, (size, limit) in enumerate(zip(sizes, most, strict=True)):
        if size > limit:
            raise PrivatuneError(f"section {place} declares {size} bytes; this model needs at most {limit}")
    if start + sum(sizes) != len(body):
        raise PrivatuneError(f"it holds {len(body)} bytes and declares {start + sum(sizes)}")
    ends = start + np.cumsum(sizes, dtype=np.int64)
    return [body[end - size : end] for end, size in zip(ends.tolist(), sizes, strict=True)]


def verified(payload: bytes) -> tuple[bool, memoryview]:
    """Whether zstd compresses a payload's body, and the body; raises PrivatuneError if the payload is damaged."""
    if len(payload) < _FRAME.size:
        raise PrivatuneError(f"truncated: {len(payload)} bytes are not a payload")
    magic, version, zstd, checksum = _FRAME.unpack_from(payload)
    if magic != _MAGIC:
        raise PrivatuneError("not a payload of Privatune")
    if version != _VERSION or zstd > 1:
        raise PrivatuneError(f"version {version}.{zstd} is not known; sender and server must run the same Privatune")
    body = memoryview(payload)[_FRAME.size :]
    if checksum != _checksum(zstd, body):
        raise PrivatuneError("its checksum does not match: it was truncated or changed on the way")
    return bool(zstd), body


def numbers(section: Section, dtype: str, count: int) -> np.ndarray:
    """A section as a read-only array [count]; raises PrivatuneError if its size is not that of `count` numbers."""
    itemsize = np.dtype(dtype).itemsize
    if len(section) != count * itemsize:
        raise PrivatuneError(f"a section of {len(section)} bytes should hold {count} values of {itemsize} bytes")
    return np.frombuffer(section, dtype)


def _checksum(zstd: int, body: Section) -> int:
    return zlib.crc32(body, zlib.crc32(_FRAME.pack(_MAGIC, _VERSION, zstd, 0)))


def _head(codec: str, like: Shapes) -> bytes:
    return _written_head(codec, tuple((name, like[name]) for name in sorted(like)))


@lru_cache(maxsize=16)
def _written_head(codec: str, tensors: tuple[tuple[str, tuple[int, ...]], ...]) -> bytes:
    parts = [_text(codec), _leb128(len(tensors))]
    for name, shape in tensors:
        parts += [_text(name), _leb128(len(shape)), *map(_leb128, shape)]
    return b"".join(parts)


def _text(name: str) -> bytes:
    data = name.encode()
    return _leb128(len(data)) + data


def _leb128(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def _decompressed(data: memoryview, limit: int) -> bytes:
    try:
        # checked before decompression, because the library allocates as much memory as a frame declares
        declared = zstandard.get_frame_parameters(data).content_size
        if declared > limit:  # also if no size is declared, which reads as the largest number
            raise PrivatuneError(f"it decompresses to more than the {limit} bytes that this model needs at most")
        return zstandard.ZstdDecompressor().decompress(data, allow_extra_data=False)
    except zstandard.ZstdError as error:
        raise PrivatuneError(f"its zstd frame is damaged ({error})") from error
