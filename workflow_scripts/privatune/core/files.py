"""Files appear whole or not at all: written beside their place, then renamed."""

import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from privatune.core.errors import PrivatuneError


@contextmanager
def replacing(path: str | Path, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it becomes `path` when the block ends well and is removed when it does not.

    With `private` only the owner can read it, from its first byte on.

    Raises PrivatuneError naming the folder when it cannot be written.
    """
    path = Path(path)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if private:
            part.touch(mode=0o600)
        yield part
        with part.open("rb") as handle:
            os.fsync(handle.fileno())
        part.replace(path)
    except OSError as error:
        if error.filename is not None and Path(error.filename) not in (part, path, path.parent):
            raise
        raise PrivatuneError(
            f"{path}: cannot be written ({error.strerror}); free space or choose another `output:`"
        ) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write_bytes(path: str | Path, data: bytes, private: bool = False) -> None:
    """Write `data` atomically; with `private` for its owner alone to read."""
    with replacing(path, private) as part:
        part.write_bytes(data)


def write_json(path: str | Path, value: Any) -> None:
    """Write `value` atomically as indented JSON with sorted keys; NaN is refused."""
    write_bytes(path, (json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n").encode())


def read_json(path: str | Path) -> Any:
    """Read a JSON file of ours; raises PrivatuneError naming the file when it is missing or damaged."""
    try:
        return json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise PrivatuneError(f"{path}: missing or damaged JSON; delete it and run again") from error


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's content, read in blocks."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
