"""Messages between a customer and a vendor, byte by byte.

| bytes | content |
|---|---|
| 4 | the magic `PVS` and the version |
| 1 | the kind, as a place in `KINDS` |
| 4 | h, the number of bytes of the head |
| 8 | b, the number of bytes of the body |
| 4 | CRC-32 of all other bytes: it detects accidents; TLS detects attacks |
| h | the head: JSON with numbers and short texts (`about`), and name, type and sizes of each array |
| b | the arrays, one after the other |

All numbers are little-endian. A reader trusts nothing: a message says its size first, and is refused before any memory
is taken if it is larger than the reader allows. The bytes are kept as they arrive, and must arrive in time.
"""

import math
import socket
import struct
import time
import zlib
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
from pydantic import Field, ValidationError

from privatune.core.errors import PrivatuneError
from privatune.core.settings import Settings
from privatune.core.tensors import Arrays

KINDS = ("hello", "welcome", "training", "train", "question", "predict", "done", "predictions", "refused")
_MAGIC, _VERSION = b"PVS", 1
_START = struct.Struct("<3sBBIQ")  # magic, version, kind, bytes of the head, bytes of the body
_PROTOCOL = struct.Struct("<3sB")  # magic, version
_CHECKSUM = struct.Struct("<I")
_HEAD = 1 << 16  # bytes of the largest head
_PIECE = 1 << 16  # bytes that are asked of the socket at once
_TRUNCATED = "truncated: the connection ends within a message"
_LINE = 300  # characters that are shown of a peer's text

# bits of bfloat16, float32 and whole numbers
_TYPES: dict[str, np.dtype[Any]] = {"BF16": np.dtype("<u2"), "F32": np.dtype("<f4"), "I64": np.dtype("<i8")}
_NAMES = {dtype: name for name, dtype in _TYPES.items()}


class Message(NamedTuple):
    """What arrived: its kind, its numbers and short texts, and its arrays, which are not checked for their meaning."""

    kind: str
    about: dict[str, int | str]
    arrays: Arrays


class _Array(Settings):
    name: str = Field(pattern="^[a-z]{1,16}$")
    dtype: Literal["BF16", "F32", "I64"]
    sizes: list[Annotated[int, Field(ge=0, le=1 << 40)]] = Field(max_length=2)


class _Head(Settings):
    about: dict[str, int | str] = Field(max_length=16)
    arrays: list[_Array] = Field(max_length=8)


def packed(kind: str, about: dict[str, int | str] | None = None, arrays: Arrays | None = None) -> bytes:
    """The bytes of a message; arrays are uint16 (the bits of bfloat16), float32 or int64, with at most two axes."""
    # wide types first, so that every array begins at a multiple of its item size
    ordered = sorted((arrays or {}).items(), key=lambda item: (-item[1].itemsize, item[0]))
    described = [_Array(name=name, dtype=_NAMES[array.dtype], sizes=list(array.shape)) for name, array in ordered]
    head = _Head(about=about or {}, arrays=described).model_dump_json().encode()
    body = b"".join(array.tobytes() for _, array in ordered)
    start = _START.pack(_MAGIC, _VERSION, KINDS.index(kind), len(head), len(body))
    return b"".join([start, _CHECKSUM.pack(_checksum(start, head, body)), head, body])


def send(peer: socket.socket, message: bytes, seconds: float) -> None:
    """Send a message within some seconds; raises PrivatuneError when the peer does not take it."""
    try:
        peer.settimeout(seconds)
        peer.sendall(message)
    except OSError as error:
        raise PrivatuneError(f"the peer does not take a message: {reason_of(error)}") from error


def receive(peer: socket.socket, most: int, seconds: float) -> Message | None:
    """Return the next message, or None when the peer has ended the connection between two messages.

    Memory stays below a small multiple of `most` and of what has arrived.

    Args:
        peer: a connected socket.
        most: the largest body that is accepted, in bytes.
        seconds: how long the whole message may take.

    Raises:
        PrivatuneError: one line says what is wrong with the message; nothing more must be read from this peer.
    """
    until = time.monotonic() + seconds
    try:
        start = _arrived(peer, _PROTOCOL.size, until)
        if not start:
            return None
        _check_protocol(start)  # at once: a peer of another kind may send less than a message and then wait
        start += _exactly(peer, _START.size + _CHECKSUM.size - len(start), until)
        kind, length, size = _announced(start, most)
        head = bytes(_exactly(peer, length, until))
        described = _described(head, size)
        body = _exactly(peer, size, until)
    except OSError as error:
        raise PrivatuneError(f"no whole message arrives: {reason_of(error)}") from error
    if _CHECKSUM.unpack(start[_START.size :])[0] != _checksum(start[: _START.size], head, body):
        raise PrivatuneError("a message does not match its checksum")
    return Message(kind, described.about, _arrays(described, body))


def reason_of(error: OSError) -> str:
    """What went wrong with a connection, in some words."""
    return "it takes too long" if isinstance(error, TimeoutError) else plain(error.strerror or str(error))


def plain(text: Any) -> str:
    """A peer's text in a form that can be shown: short, one line, and without control characters.

    >>> plain("two\\nlines \\x1b[2J")
    'two?lines ?[2J'
    """
    return "".join(c if c.isascii() and c.isprintable() else "?" for c in str(text)[:_LINE])


def _checksum(start: bytes | bytearray, head: bytes, body: bytes | bytearray) -> int:
    return zlib.crc32(body, zlib.crc32(head, zlib.crc32(start)))


def _check_protocol(start: bytearray) -> None:
    """Refuse what does not begin as a message of this protocol and version."""
    if len(start) < _PROTOCOL.size:
        raise PrivatuneError(_TRUNCATED)
    magic, version = _PROTOCOL.unpack(start)
    if magic != _MAGIC:
        raise PrivatuneError("not a message of this protocol; is TLS set on one side only?")
    if version != _VERSION:
        raise PrivatuneError(f"a message of version {version}; this program speaks version {_VERSION}")


def _announced(start: bytearray, most: int) -> tuple[str, int, int]:
    """Kind, bytes of the head and bytes of the body, from the first bytes of a message."""
    *_, kind, head, body = _START.unpack(start[: _START.size])
    if kind >= len(KINDS):
        raise PrivatuneError(f"a message of the unknown kind {kind}")
    if head > _HEAD or body > most:
        raise PrivatuneError(f"a message of {head} and {body} bytes; at most {_HEAD} and {most} are accepted")
    return KINDS[kind], head, body


def _described(head: bytes, size: int) -> _Head:
    """The checked head of a message whose body has `size` bytes."""
    try:
        described = _Head.model_validate_json(head, strict=True)
    except ValidationError:
        raise PrivatuneError("the head of a message is not as the protocol says") from None
    if len({array.name for array in described.arrays}) < len(described.arrays):
        raise PrivatuneError("the head of a message names an array twice")
    if (needed := sum(map(_bytes, described.arrays))) != size:
        raise PrivatuneError(f"a message has {size} bytes for arrays of {needed} bytes")
    return described


def _bytes(array: _Array) -> int:
    return math.prod(array.sizes) * _TYPES[array.dtype].itemsize


def _arrays(described: _Head, body: bytearray) -> Arrays:
    """The arrays of a body, by name; they share its memory."""
    arrays, start = {}, 0
    for array in described.arrays:
        values = np.frombuffer(body, _TYPES[array.dtype], math.prod(array.sizes), start)
        if not _finite(values):
            raise PrivatuneError(f"a message has values in `{array.name}` that are not finite")
        arrays[array.name] = values.reshape(array.sizes)
        start += _bytes(array)
    return arrays


def _finite(values: np.ndarray) -> bool:
    if values.dtype == np.uint16:
        return bool(((values & 0x7F80) != 0x7F80).all())  # an exponent of ones is infinity or NaN
    return bool(np.isfinite(values).all())


def _exactly(peer: socket.socket, size: int, until: float) -> bytearray:
    held = _arrived(peer, size, until)
    if len(held) < size:
        raise PrivatuneError(_TRUNCATED)
    return held


def _arrived(peer: socket.socket, size: int, until: float) -> bytearray:
    """The next `size` bytes, or fewer if the connection ends before."""
    held = bytearray()
    while len(held) < size:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        peer.settimeout(left)
        piece = peer.recv(min(size - len(held), _PIECE))
        if not piece:
            break
        held += piece
    return held
