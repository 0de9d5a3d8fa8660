"""Secret releases: each is made once, and a folder of its own keeps its seed, how it was made, and its model.

The same noise on sums that differ, if only in their last bits, would fall out of the difference of both; other noise
on the same sums would be a second release. So a release has one seed for all that its sums follow from, goes on only
where it was begun, and is never computed again once its model is there.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json, write_json
from privatune.core.tensors import Arrays, load_tensors, save_tensors
from privatune.privacy.seeds import once, secret_seed

RECORD, MODEL = "release.json", "model.safetensors"
AGAIN = "another folder makes another release of the same persons, whose epsilon adds to the one of this release"


def release_name(made_from: Mapping[str, Any]) -> str:
    """A name for all that a release is made from, 32 hexadecimal digits.

    Args:
        made_from: plain values by their roles, digests of texts and models among them: whatever changes the sums or
            the noise on them, and nothing else.
    """
    return hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()[:32]


def release_seed(folder: str | Path, made_from: Mapping[str, Any], made_with: Mapping[str, str]) -> int:
    """The seed of a release, drawn at the first call and kept in `folder` with a record of what this call is told.

    Args:
        folder: of this release alone; it must outlast the results, and be copied with them to no one.
        made_from: as of `release_name`; recorded so that a person can tell what was released.
        made_with: what else decides the sums, though nobody may have chosen it: the model that was made before, code,
            versions, machine. All calls must agree.

    Raises:
        PrivatuneError: the release was begun by other code or on another kind of machine, its seed is gone or damaged,
            or the folder cannot be written.
    """
    folder = Path(folder)
    record, seed = folder / RECORD, folder / "seed"
    if record.exists() and not seed.exists():
        raise PrivatuneError(
            f"{seed}: the secret seed of a release that was begun is gone; restore it from a copy, or move {folder} "
            f"away: {AGAIN}"
        )
    drawn = secret_seed(seed)
    if not record.exists():
        once(record, lambda part: write_json(part, {"made_from": dict(made_from), "made_with": dict(made_with)}))
    _refuse_others(folder, made_with)
    return drawn


def released(folder: str | Path, made_with: Mapping[str, str]) -> Arrays | None:
    """The model of a release that is finished.

    Args:
        folder: of the release.
        made_with: what the release must agree with; it need not be all that `release_seed` was told, as it does not
            matter any more which code and machine have finished it.

    Raises:
        PrivatuneError: it was made with something else, or a file is damaged.
    """
    path = Path(folder) / MODEL
    if not path.exists():
        return None
    _refuse_others(Path(folder), made_with)
    return _intact(path, load_tensors)[0]


def keep(folder: str | Path, weights: Arrays) -> Arrays:
    """Keep the model of a release before anyone else gets it; returns the one that is kept, which is the first."""
    path = Path(folder) / MODEL
    once(path, lambda part: save_tensors(part, weights))
    return _intact(path, load_tensors)[0]


def _refuse_others(folder: Path, made_with: Mapping[str, str]) -> None:
    begun = _intact(folder / RECORD, read_json)["made_with"]
    if changed := [name for name in sorted(made_with) if begun.get(name) != made_with[name]]:
        name, *others = changed
        more = f" (and {len(others)} more differ)" if others else ""
        old, new = (value[:40] for value in (begun.get(name, "absent"), made_with[name]))
        raise PrivatuneError(
            f"{folder}: this release was begun with {name} {old}, and here it is {new}{more}: its noise must not fall "
            f"on other sums; go on with what it was begun with, or move the folder away: {AGAIN}"
        )


def _intact(path: Path, read: Callable[[Path], Any]) -> Any:
    """What `read` finds; in place of its advice to delete a damaged file, which would let it be made again."""
    try:
        return read(path)
    except PrivatuneError as error:
        raise PrivatuneError(
            f"{path}: damaged; restore the file from a copy (a finished model is among the results, too)"
        ) from error
