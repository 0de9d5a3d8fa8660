"""Files that a round's clients write: a payload and a record each, and all records as the rows of a table."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.compression import wire
from privatune.core.errors import PrivatuneError
from privatune.core.files import CSV, read_json, write_bytes, write_json, write_sealed

COLUMNS = ["scenario", "seed", "round", "client", "user_tokens", "rehearsal_tokens", "steps", "bits_up", "bits_down"]


def write_records(path: str | Path, records: Sequence[dict[str, Any]]) -> None:
    """Write a round's records as CSV, with one row per client in the cohort's order."""
    write_sealed(path, CSV, pd.DataFrame(records, columns=COLUMNS).to_csv(index=False).encode())


def write_visit(folder: str | Path, place: int, payload: bytes, record: dict[str, Any]) -> None:
    """Write the payload and the record of the client at `place` in the cohort into the folder of its job."""
    name = Path(folder) / f"{place:06d}"
    write_bytes(name.with_suffix(".payload"), payload)
    write_json(name.with_suffix(".json"), record)


def visits(folders: Sequence[str | Path], cohort_size: int) -> list[Path]:
    """Return the payload files in a round's folders in the cohort's order; raises PrivatuneError if one is missing."""
    paths = sorted((path for folder in folders for path in Path(folder).glob("*.payload")), key=lambda path: path.name)
    if [path.stem for path in paths] != [f"{place:06d}" for place in range(cohort_size)]:
        names = ", ".join(map(str, folders))
        raise PrivatuneError(
            f"{names}: these are not the payloads of {cohort_size} clients; delete the folders and run again"
        )
    return paths


def read_payloads(paths: Iterable[Path]) -> Iterator[bytes]:
    """Yield the payloads, one at a time; raises PrivatuneError naming a damaged file."""
    for path in paths:
        payload = path.read_bytes()
        try:
            wire.verified(payload)
        except PrivatuneError as error:
            raise PrivatuneError(f"{path}: {error}; delete the folder {path.parent} and run again") from None
        yield payload


def read_records(paths: Iterable[Path]) -> list[dict[str, Any]]:
    """Return the records that lie beside the payload files `paths`; raises the errors of `read_json`."""
    return [read_json(path.with_suffix(".json")) for path in paths]
