"""Safetensors files of ours: a small JSON header with a checksum, arrays behind it."""

import hashlib
import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from privatune.core.errors import PrivatuneError
from privatune.core.files import write_bytes

Arrays = dict[str, np.ndarray]


def _checksum(arrays: Mapping[str, np.ndarray], about: str) -> str:
    digest = hashlib.sha256(about.encode())
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype} {arrays[name].shape}".encode())
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def pack(arrays: Mapping[str, np.ndarray], about: Mapping[str, Any] | None = None) -> bytes:
    """Serialise named arrays and a JSON header `about`; equal input gives equal bytes."""
    header = json.dumps(about or {}, sort_keys=True)
    ordered = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    # one metadata entry only: safetensors does not keep the order of several
    return save(ordered, {"privatune": json.dumps([header, _checksum(ordered, header)])})


def unpack(data: bytes, name: str | Path = "tensors") -> tuple[Arrays, dict[str, Any]]:
    """Undo `pack`; raises PrivatuneError naming `name` when the bytes are damaged."""
    try:
        (length,) = struct.unpack("<Q", data[:8])
        header, checksum = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["privatune"])
        arrays = load(data)
        about = json.loads(header)
    except (SafetensorError, ValueError, KeyError, TypeError, struct.error) as error:
        raise PrivatuneError(f"{name}: not a whole tensor file; delete it and run again") from error
    if _checksum(arrays, header) != checksum:
        raise PrivatuneError(f"{name}: its content does not match its checksum; delete it and run again")
    return arrays, about


def save_tensors(path: str | Path, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any] | None = None) -> None:
    """Write named arrays and a JSON header atomically."""
    write_bytes(path, pack(arrays, about))


def load_tensors(path: str | Path) -> tuple[Arrays, dict[str, Any]]:
    """Read what `save_tensors` wrote, checksum verified; raises PrivatuneError naming the file."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise PrivatuneError(f"{path}: cannot be read ({error.strerror})") from error
    return unpack(data, path)
