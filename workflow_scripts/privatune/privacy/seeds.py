"""Secret seeds: from the operating system, stored once, read again by a retry, so that nothing is released twice."""

import hashlib
import json
import os
import secrets
import stat
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from privatune.core.errors import PrivatuneError
from privatune.core.files import sha256

BITS = 128  # as wide as the key of a stream


def release_name(files: Iterable[str | Path], settings: Mapping[str, Any]) -> str:
    """A name for all that a release is made from, 32 hexadecimal digits.

    A seed must serve one release only: the same noise on other updates would fall out of the difference of both. So
    whatever changes the updates - text, start, settings, code - must be in the name of its seed.

    Args:
        files: all that is read, code included; their content counts, not where they lie.
        settings: plain values.
    """
    content = sorted(sha256(file) for file in files)
    return hashlib.sha256(json.dumps([content, settings], sort_keys=True).encode()).hexdigest()[:32]


def secret_seed(path: str | Path) -> int:
    """The seed in the file `path`, drawn and stored there at the first call.

    The same round with other noise would be a second release of the same updates, and their mean has less noise than
    is accounted for. So a seed is never replaced: jobs that race for it, and retries, all get the first one. Keep the
    file out of a job's declared outputs, which are deleted when a job fails, and out of what is published.

    Raises:
        PrivatuneError: the file is damaged, can be read by others, or cannot be written.
    """
    path = Path(path)
    try:
        if not path.exists():
            _store(path)
        mode = stat.S_IMODE(path.stat().st_mode)
        text = path.read_text(errors="replace")
    except OSError as error:
        raise PrivatuneError(f"{path}: the secret seed cannot be stored or read ({error.strerror})") from error
    if mode & 0o077:
        raise PrivatuneError(
            f"{path}: others can read this secret seed (mode {mode:o}), so the noise protects nobody; run again under "
            "another `output:`, on a file system that keeps permissions"
        )
    seed = text[: BITS // 4]
    if text != _sealed(seed):
        raise PrivatuneError(
            f"{path}: the secret seed is damaged; restore the file. With another seed the round would be released twice"
        )
    return int(seed, 16)


def _sealed(seed: str) -> str:
    """The file's text: the seed in hexadecimal and its CRC-32."""
    return f"{seed} {zlib.crc32(seed.encode()):08x}\n"


def _store(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{secrets.token_hex(8)}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(_sealed(f"{secrets.randbits(BITS):0{BITS // 4}x}"))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):  # another job was first: unlike a rename, a link never replaces its seed
            os.link(part, path)
    finally:
        part.unlink()
