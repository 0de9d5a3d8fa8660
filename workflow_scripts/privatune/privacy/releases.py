"""Make each secret release once, and keep its seed, a record of how it was made, and its model in its own folder.

If the same noise were added to two sums that differ, even in their last bits, subtracting the results would remove it.
Other noise on the same sums would be a second release. A release therefore has one seed for everything that determines
its sums, continues only with the code and on the kind of machine that began it, and is never computed again once its
model exists.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json, sha256, write_json
from privatune.core.machine import machine
from privatune.core.tensors import Arrays, load_tensors, save_tensors
from privatune.models.settings import NumericsSettings
from privatune.privacy.seeds import once, secret_seed

RECORD, MODEL = "release.json", "model.safetensors"
AGAIN = "a new folder makes a second release of the same persons, and its epsilon adds to that of this release"


def release_name(made_from: Mapping[str, Any]) -> str:
    """Return a name of 32 hexadecimal digits for everything that a release is made from.

    Args:
        made_from: plain values by their roles, including digests of texts and models: all that changes the sums or the
            noise on them, and nothing else.
    """
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:32]


def release_seed(folder: str | Path, made_from: Mapping[str, Any], made_with: Mapping[str, str]) -> int:
    """Return the seed of a release; the first call draws it and stores it in `folder` with a record of its arguments.

    Args:
        folder: the folder of this release alone. Keep it longer than the results, and give no copy of it to anyone.
        made_from: as in `release_name`; recorded so that a reader can tell what was released.
        made_with: whatever else determines the sums, even if nobody chose it: the previous model, code, versions,
            machine. All calls must agree on it.

    Raises:
        PrivatuneError: the release was begun by other code or on another kind of machine, its seed is missing or
            damaged, or the folder cannot be written.
    """
    folder = Path(folder)
    record, seed = folder / RECORD, folder / "seed"
    if record.exists() and not seed.exists():
        raise PrivatuneError(
            f"{seed}: the secret seed of a release that was begun is missing; restore it from a copy, or move {folder} "
            f"away, but note that {AGAIN}"
        )
    drawn = secret_seed(seed)
    if not record.exists():
        once(record, lambda part: write_json(part, {"made_from": dict(made_from), "made_with": dict(made_with)}))
    _refuse_others(folder, made_with)
    return drawn


def made_with(code: Sequence[str | Path], numerics: NumericsSettings) -> dict[str, str]:
    """Return what determines the last bits: the library's files in use, the numerics, and the machine."""
    library = Path(__file__).parents[1]
    files = {str(Path(file).resolve().relative_to(library)): sha256(file) for file in code}
    return files | {name: str(value) for name, value in numerics} | machine(numerics.accelerator)


def released(folder: str | Path, made_with: Mapping[str, str]) -> Arrays | None:
    """Return the model of a finished release, or None if there is none yet.

    Args:
        folder: the folder of the release.
        made_with: what the release must agree with. It may leave out some of what `release_seed` was given: once a
            release is finished, the code and the machine that made it no longer matter.

    Raises:
        PrivatuneError: the release was made with something else, or a file is damaged.
    """
    path = Path(folder) / MODEL
    if not path.exists():
        return None
    _refuse_others(Path(folder), made_with)
    return _intact(path, load_tensors)[0]


def keep(folder: str | Path, weights: Arrays, about: Mapping[str, Any]) -> Arrays:
    """Store the model of a release, with the header `about`, before anyone uses it; return the first one stored."""
    path = Path(folder) / MODEL
    once(path, lambda part: save_tensors(part, weights, about))
    return _intact(path, load_tensors)[0]


def _refuse_others(folder: Path, made_with: Mapping[str, str]) -> None:
    begun = _intact(folder / RECORD, read_json)["made_with"]
    if changed := [name for name in sorted(made_with) if begun.get(name) != made_with[name]]:
        name, *others = changed
        more = f" ({len(others)} more differ)" if others else ""
        old, new = (value[:40] for value in (begun.get(name, "absent"), made_with[name]))
        raise PrivatuneError(
            f"{folder}: this release was begun with {name} {old}, and here it is {new}{more}. The same noise must not "
            f"be added to other sums: continue as it was begun, or move the folder away, but note that {AGAIN}"
        )


def _intact(path: Path, read: Callable[[Path], Any]) -> Any:
    """Return what `read` returns, but never advise deleting a damaged file: that would let it be made again."""
    try:
        return read(path)
    except PrivatuneError as error:
        raise PrivatuneError(
            f"{path}: the file is damaged; restore it from a copy (the results hold a copy of a finished model)"
        ) from error
