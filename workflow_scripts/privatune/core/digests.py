"""What files contain, by digest. A file is read again only if its size or one of its times is different, not newer."""

from pathlib import Path
from typing import Any

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json, sha256, write_json

Digests = dict[str, list[Any]]  # by name of the file: its state, and the digest that it had in this state


def state(path: str | Path) -> list[int]:
    """Return the size of a file in bytes and the times of its last changes, of content and of anything, in nanoseconds.

    A link has the state of what it points to.
    """
    found = Path(path).stat()
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def digest(path: str | Path, name: str, known: Digests) -> str | None:
    """Return the SHA-256 of a file, from `known` if it has the state that it had there; None if it is no file.

    Args:
        path: the file.
        name: what it is called in `known`, to which its digest is added.
        known: digests of files.
    """
    if not Path(path).is_file():
        return None
    now = state(path)
    if name not in known or known[name][0] != now:
        found = sha256(path)
        if state(path) != now:  # it is being written
            return found
        known[name] = [now, found]
    return str(known[name][1])


def read_digests(path: str | Path) -> Digests:
    """Return the digests that `write_digests` wrote, or none if the file is missing or damaged."""
    try:
        return dict(read_json(path))
    except PrivatuneError:
        return {}


def write_digests(path: str | Path, known: Digests) -> None:
    """Write digests into a file that only its owner can read: the digest of a text that can be guessed reveals it."""
    write_json(path, known, private=True)
