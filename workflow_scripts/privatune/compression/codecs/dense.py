"""The dense codec: every value as float32."""

from privatune.core.tensors import Arrays, pack, unpack


def encode(update: Arrays) -> bytes:
    """The payload of an update."""
    return pack(update)


def decode(payload: bytes, name: str) -> Arrays:
    """The update of a payload; raises PrivatuneError naming `name` when it is damaged."""
    return unpack(payload, name)[0]
