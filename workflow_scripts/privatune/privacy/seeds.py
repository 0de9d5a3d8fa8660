"""Draw secret seeds from the operating system and store each once; a retry reads it, so nothing is released twice."""

import os
import secrets
import stat
import zlib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from privatune.core.errors import PrivatuneError

BITS = 128  # as wide as the key of a stream


def secret_seed(path: str | Path) -> int:
    """Return the seed in the file `path`; the first call draws and stores it.

    The same round with other noise would be a second release of the same updates, and the mean of both has less noise
    than is accounted for. A seed is therefore never replaced: jobs that race for it, and retries, all get the first
    one. Do not declare the file as an output of a job, because outputs are deleted when a job fails, and do not publish
    it.

    Raises:
        PrivatuneError: the file is damaged, can be read by others, or cannot be written.
    """
    path = Path(path)
    try:
        if not path.exists():
            once(path, _draw)
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(errors="replace")
    except OSError as error:
        raise PrivatuneError(
            f"{path}: the secret seed cannot be stored or read ({error.strerror}); check the permissions "
            "and the free space of its folder"
        ) from error
    if mode & 0o077:
        raise PrivatuneError(
            f"{path}: others can read this secret seed (mode {mode:o}), so the noise may protect nobody; store it on a "
            "file system that keeps permissions, and move its folder away if anyone may have read it"
        )
    seed = text[: BITS // 4]
    if text != _sealed(seed):
        raise PrivatuneError(
            f"{path}: the secret seed is damaged; restore the file from a copy, because another seed would release the "
            "round twice"
        )
    return int(seed, 16)


def _sealed(seed: str) -> str:
    """Return the text of the file: the seed in hexadecimal and its CRC-32."""
    return f"{seed} {zlib.crc32(seed.encode()):08x}\n"


def once(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` make a file that only its owner can read, unless another job made it first.

    A link is used because, unlike a rename, it never replaces a file.

    Args:
        path: the path of the file; its folder, too, is made for the owner alone.
        write: a function that writes the file at the path it is given.
    """
    path.parent.parent.mkdir(parents=True, exist_ok=True)
    path.parent.mkdir(mode=0o700, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    try:
        write(part)
        part.chmod(0o600)
        with suppress(FileExistsError):
            os.link(part, path)
    finally:
        part.unlink(missing_ok=True)


def _draw(part: Path) -> None:
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(_sealed(f"{secrets.randbits(BITS):0{BITS // 4}x}"))
        file.flush()
        os.fsync(file.fileno())
