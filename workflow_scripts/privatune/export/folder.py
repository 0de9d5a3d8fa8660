"""The folder of an exported model: plain files that other programs read, and SHA256SUMS to check them with."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from privatune.core.errors import PrivatuneError
from privatune.core.files import write_bytes

ABOUT, SUMS = "about.json", "SHA256SUMS"
_AGAIN = "delete its folder and run `snakemake export` again"


def write_folder(folder: str | Path, about: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    """Atomically write each file, then what is known `about` the model, and at last the checksums of all of them."""
    stated = json.dumps(about, indent=2, ensure_ascii=False, allow_nan=False)
    every = dict(sorted({**files, ABOUT: f"{stated}\n".encode()}.items()))
    for name, data in every.items():
        write_bytes(Path(folder) / name, data)
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in every.items())
    write_bytes(Path(folder) / SUMS, sums.encode())


def read_file(path: str | Path) -> bytes:
    """Return a file of an exported model; raises PrivatuneError if it is missing or not the one that was written."""
    path = Path(path)
    try:
        data, sums = path.read_bytes(), path.with_name(SUMS).read_text(errors="replace")
    except OSError as error:
        raise PrivatuneError(f"{error.filename}: cannot be read ({error.strerror}); {_AGAIN}") from error
    if f"{hashlib.sha256(data).hexdigest()}  {path.name}" not in sums.splitlines():
        raise PrivatuneError(f"{path}: damaged (its checksum is not the one in {SUMS}); {_AGAIN}")
    return data


def read_about(folder: str | Path) -> dict[str, Any]:
    """Return what is known about an exported model; errors as in `read_file`."""
    return json.loads(read_file(Path(folder) / ABOUT))
