"""Safetensors files with a small JSON header and a checksum."""

import hashlib
import json
import struct
import sys
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from privatune.core.errors import PrivatuneError
from privatune.core.files import replacing, write_bytes

Arrays = dict[str, np.ndarray]

# safetensors' names of the types that a stored array may have
_DTYPES = {"U8": np.uint8, "U16": np.uint16, "U32": np.uint32, "I64": np.int64, "F32": np.float32}
_BLOCK = 1 << 20


def _signature(name: str, dtype: np.dtype, shape: tuple[int, ...]) -> bytes:
    return f"{name} {dtype} {shape}".encode()


def _checksum(arrays: Mapping[str, np.ndarray], about: str) -> str:
    digest = hashlib.sha256(about.encode())
    for name in sorted(arrays):
        digest.update(_signature(name, arrays[name].dtype, arrays[name].shape))
        digest.update(np.ascontiguousarray(arrays[name]).data)
    return digest.hexdigest()


def digest(arrays: Mapping[str, np.ndarray]) -> str:
    """Hexadecimal SHA-256 of the names, types, shapes and values of named arrays."""
    return _checksum(arrays, "")


def pack(arrays: Mapping[str, np.ndarray], about: Mapping[str, Any] | None = None) -> bytes:
    """Serialise named arrays and the JSON header `about`; equal input gives equal bytes."""
    header = json.dumps(about or {}, sort_keys=True)
    ordered = {name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)}
    # one metadata entry only, because safetensors does not keep the order of several
    return save(ordered, {"privatune": json.dumps([header, _checksum(ordered, header)])})


def unpack(data: bytes, name: str | Path = "tensors") -> tuple[Arrays, dict[str, Any]]:
    """Undo `pack`; raises PrivatuneError naming `name` when the bytes are damaged."""
    try:
        (length,) = struct.unpack("<Q", data[:8])
        header, checksum = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["privatune"])
        arrays = load(data)
        about = json.loads(header)
    except (SafetensorError, ValueError, KeyError, TypeError, struct.error) as error:
        raise PrivatuneError(f"{name}: not a complete tensor file; delete it and run again") from error
    if _checksum(arrays, header) != checksum:
        raise PrivatuneError(f"{name}: its content does not match its checksum; delete it and run again")
    return arrays, about


def save_tensors(
    path: str | Path, arrays: Mapping[str, np.ndarray], about: Mapping[str, Any] | None = None, private: bool = False
) -> None:
    """Atomically write named arrays and a JSON header; with `private`, only the owner can read the file."""
    write_bytes(path, pack(arrays, about), private)


def load_tensors(path: str | Path) -> tuple[Arrays, dict[str, Any]]:
    """Read what `save_tensors` wrote and verify its checksum; raises PrivatuneError naming the file."""
    return unpack(read_bytes(path), path)


def read_bytes(path: str | Path) -> bytes:
    """Return the content of a file; raises PrivatuneError naming the file when it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise PrivatuneError(f"{path}: cannot be read ({error.strerror}); run again to make it") from error


def save_pieces(
    path: str | Path,
    dtypes: Mapping[str, np.dtype],
    pieces: Iterable[Mapping[str, np.ndarray]],
    about: Mapping[str, Any],
    private: bool = False,
) -> None:
    """Atomically write one-dimensional arrays that arrive piece by piece and need not fit into memory.

    Each array of a piece is appended to the array of that name; `dtypes` lists all names and their types. `about` is
    read after the last piece, so it may be filled in the meantime. `save_tensors` would write the same bytes.
    With `private`, only the owner can read the file.
    """
    names = sorted(dtypes)
    with replacing(path, private) as part, ExitStack() as stack:
        # on the same disk as the result, which needs the space anyway; unnamed, so a killed job leaves nothing behind
        spools = {name: stack.enter_context(TemporaryFile(dir=part.parent)) for name in names}
        sizes = dict.fromkeys(names, 0)
        for piece in pieces:
            for name, array in piece.items():
                sizes[name] += len(array)
                spools[name].write(np.ascontiguousarray(array, dtypes[name]).data)
        header = json.dumps(about, sort_keys=True)
        digest = hashlib.sha256(header.encode())
        for name in names:
            digest.update(_signature(name, np.dtype(dtypes[name]), (sizes[name],)))
            for block in _blocks(spools[name]):
                digest.update(block)
        stored = {np.dtype(dtype): code for code, dtype in _DTYPES.items()}
        entries: dict[str, Any] = {"__metadata__": {"privatune": json.dumps([header, digest.hexdigest()])}}
        start = 0
        # safetensors orders wide types first, so that every array begins at a multiple of its item size
        order = sorted(names, key=lambda name: (-np.dtype(dtypes[name]).itemsize, name))
        for name in order:
            end = start + sizes[name] * np.dtype(dtypes[name]).itemsize
            dtype = stored[np.dtype(dtypes[name])]
            entries[name] = {"dtype": dtype, "shape": [sizes[name]], "data_offsets": [start, end]}
            start = end
        head = json.dumps(entries, separators=(",", ":"), ensure_ascii=False).encode()
        head += b" " * (-len(head) % 8)
        with part.open("wb") as out:
            out.write(struct.pack("<Q", len(head)) + head)
            for name in order:
                for block in _blocks(spools[name]):
                    out.write(block)


def map_tensors(path: str | Path, own: bool = False) -> tuple[Arrays, dict[str, Any]]:
    """Read what `save_tensors` or `save_pieces` wrote as read-only memory-mapped arrays.

    The file is read once, block by block, to verify its checksum, so that its pages do not count as the job's memory.
    With `own`, the arrays lie in memory of their own and can be changed; unlike `load_tensors`, this never holds two
    copies. Raises PrivatuneError naming the file.
    """
    try:
        raw = np.asarray(np.memmap(path, np.uint8, "r"))
        start = 8 + int(raw[:8].view("<u8")[0])
        entries = json.loads(raw[8:start].tobytes())
        header, checksum = json.loads(entries.pop("__metadata__")["privatune"])
        about = json.loads(header)
        arrays = {}
        digest = hashlib.sha256(header.encode())
        with Path(path).open("rb") as file:
            for name, entry in sorted(entries.items()):
                low, high = entry["data_offsets"]
                place = raw[start + low : start + high]
                held = np.empty(len(place), np.uint8) if own else place
                arrays[name] = array = held.view(_DTYPES[entry["dtype"]]).reshape(entry["shape"])
                digest.update(_signature(name, array.dtype, array.shape))
                filled = 0
                for block in _blocks(file, start + low, start + high):
                    digest.update(block)
                    if own:
                        held[filled : filled + len(block)] = np.frombuffer(block, np.uint8)
                        filled += len(block)
        whole = start + max((entry["data_offsets"][1] for entry in entries.values()), default=0) == raw.size
    except OSError as error:
        raise PrivatuneError(f"{path}: cannot be read ({error.strerror}); run again to make it") from error
    except (ValueError, KeyError, TypeError, IndexError, AttributeError) as error:
        raise PrivatuneError(f"{path}: not a complete tensor file; delete it and run again") from error
    if not whole:
        raise PrivatuneError(f"{path}: not a complete tensor file; delete it and run again")
    if digest.hexdigest() != checksum:
        raise PrivatuneError(f"{path}: its content does not match its checksum; delete it and run again")
    return arrays, about


def _blocks(file: BinaryIO, start: int = 0, end: int = sys.maxsize) -> Iterable[bytes]:
    file.seek(start)
    while block := file.read(min(_BLOCK, end - start)):
        start += len(block)
        yield block
