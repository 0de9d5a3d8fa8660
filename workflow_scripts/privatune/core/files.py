"""Files appear whole or not at all: each is written under a temporary name and renamed. Text files have a checksum."""

import glob
import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from privatune.core.errors import PrivatuneError


@contextmanager
def replacing(path: str | Path, private: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; it is renamed to `path` if the block succeeds and removed if it fails.

    With `private`, only the owner can read the file, from its first byte on.

    Raises PrivatuneError naming `path` when it cannot be written.
    """
    path = Path(path)
    part = _beside(path, "part")
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


@contextmanager
def scratch(path: str | Path) -> Iterator[Path]:
    """Yield a folder beside `path` for temporary files, which only the owner can read; it is removed at the end."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = _beside(path, "scratch")
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _beside(path: Path, kind: str) -> Path:
    """A name beside `path` that only this process uses; what killed processes left (it may be private) is removed."""
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.{kind}"):
        if not _runs(left.suffixes[-2][1:]):
            shutil.rmtree(left, ignore_errors=True) if left.is_dir() else left.unlink(missing_ok=True)
    return path.with_name(f".{path.name}.{os.getpid()}.{kind}")


def _runs(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return False
    except (PermissionError, ValueError):  # another user's process, or a file that `_beside` did not name
        return True
    return True


def write_bytes(path: str | Path, data: bytes, private: bool = False) -> None:
    """Write `data` atomically; with `private`, only the owner can read the file."""
    with replacing(path, private) as part:
        part.write_bytes(data)


# first lines, with the SHA-256 of everything that follows them
CSV = "# sha256 %s\n"
JSON = '{"sha256": "%s",\n'


def write_sealed(path: str | Path, head: str, body: bytes, private: bool = False) -> None:
    """Atomically write the first line `head` (`CSV` or `JSON`), which holds the checksum of `body`, and then `body`."""
    write_bytes(path, _head(head, body) + body, private)


def read_sealed(path: str | Path, head: str) -> bytes:
    """Return the body that `write_sealed` wrote; raises PrivatuneError naming the file if it is missing or damaged."""
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise PrivatuneError(f"{path}: cannot be read ({error.strerror}); run again to make it") from error
    body = data[data.find(b"\n") + 1 :]
    if data != _head(head, body) + body:
        raise PrivatuneError(f"{path}: damaged (its checksum does not match); delete it and run again")
    return body


def _head(head: str, body: bytes) -> bytes:
    return (head % hashlib.sha256(body).hexdigest()).encode()


def write_json(path: str | Path, value: Any, private: bool = False) -> None:
    """Atomically write `value` as the `content` of indented JSON with sorted keys and a checksum; NaN is refused."""
    text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False)
    write_sealed(path, JSON, f'"content": {text}}}\n'.encode(), private)


def read_json(path: str | Path) -> Any:
    """Return the value that `write_json` wrote; raises the errors of `read_sealed`."""
    return json.loads(b"{" + read_sealed(path, JSON))["content"]


def sha256(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's content, which is read in blocks."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
