"""Read result tables from the files of other stages; write them for programs (CSV) and readers (Markdown, HTML)."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from io import BytesIO
from pathlib import Path

import pandas as pd

from privatune.core.errors import PrivatuneError
from privatune.core.files import CSV, read_json, read_sealed, write_bytes

DIGITS = "%.6g"  # how fractions are written; further digits do not distinguish two models

# columns of text, even for `001` or `NA`
NAMES = "scenario method set corpus encoder model name row pair blocks".split()

STYLE = """body{font:13px/1.45 system-ui,sans-serif;color:#222;margin:1.5em}p{max-width:60em;color:#444}
table{border-collapse:collapse}th,td{padding:.25em .55em;text-align:right;vertical-align:bottom}td{white-space:nowrap}
th:first-child,td:first-child{text-align:left}
thead th{position:sticky;top:0;background:#fff;border-bottom:2px solid #222}
tbody tr{border-bottom:1px solid #ddd}tbody tr:hover{background:#f3f6fa}"""


@dataclass(frozen=True)
class Table:
    """A result table: CSV holds `frame`, and a reader sees `shown` (text cells) and `note` (units, sizes)."""

    title: str
    note: str
    frame: pd.DataFrame
    shown: pd.DataFrame


def read_table(path: str | Path, columns: Sequence[str], separator: str = ",") -> pd.DataFrame:
    """Read a table of this project; `-` and empty cells are null, and so is `NA`, but not in a column of `NAMES`.

    A damaged file raises PrivatuneError, which names the file and, if one of `columns` is missing, that column.
    """
    try:
        data = BytesIO(_verified(Path(path)))
        header = pd.read_csv(data, sep=separator, nrows=0).columns
        null = {column: ["", "-"] if column in NAMES else ["", "-", "NA"] for column in header}
        data.seek(0)
        texts = dict.fromkeys(NAMES, str)
        frame = pd.read_csv(data, sep=separator, keep_default_na=False, na_values=null, dtype=texts)
    except (OSError, ValueError) as error:
        raise PrivatuneError(f"{path}: the table is missing or damaged; delete it and run again") from error
    _require(frame.columns, columns, path)
    return frame


def _verified(path: Path) -> bytes:
    """Return a table's text, checked by the checksum in its first line or, for a result table, in its Markdown page."""
    data, page = path.read_bytes(), path.with_suffix(".md")
    if data.startswith(CSV[:4].encode()):
        return read_sealed(path, CSV)
    if page.exists() and _checksum(path, data) not in page.read_text(errors="replace"):
        raise PrivatuneError(f"{path}: damaged; its checksum differs from the one in {page}; delete both and run again")
    return data


def _checksum(path: Path, data: bytes) -> str:
    return f"SHA-256 of {path.name}: {hashlib.sha256(data).hexdigest()}"


def read_tables(paths: Iterable[str | Path], columns: Sequence[str]) -> pd.DataFrame:
    """Return the rows of several tables, one table below the other; errors are those of `read_table`."""
    frames = [frame for path in paths if len(frame := read_table(path, columns))]
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(columns))


def read_records(paths: Iterable[str | Path], columns: Sequence[str]) -> pd.DataFrame:
    """Return one row per object; each file holds a flat JSON object or a list of them.

    A damaged file raises PrivatuneError, which names the file and, if one of `columns` is missing, that key.
    """
    rows = []
    for path in paths:
        held = read_json(path)
        for row in held if isinstance(held, list) else [held]:
            _require(row, columns, path)
            rows.append(row)
    return pd.DataFrame(rows, columns=None if rows else list(columns))


def _require(present: Iterable[str], columns: Sequence[str], path: str | Path) -> None:
    missing = [column for column in columns if column not in set(present)]
    if missing:
        raise PrivatuneError(f"{path}: has no `{missing[0]}`; delete the file and run again")


def arrange(
    frame: pd.DataFrame, columns: Sequence[str], scenarios: Sequence[str], keys: Sequence[str] = ()
) -> pd.DataFrame:
    """Put columns in the order of `columns`, then others by name, and sort rows by scenario, then by `keys`.

    Scenarios that are not in `scenarios` come after those that are, by name.

    Columns of whole numbers become integers, so that a null in them does not turn the others into fractions.
    """
    others = sorted(set(frame.columns) - set(columns))
    unknown = sorted(set(frame["scenario"].dropna()) - set(scenarios))
    rank = {scenario: place for place, scenario in enumerate([*scenarios, *unknown])}
    ordered = frame[[*columns, *others]].sort_values(
        ["scenario", *keys],
        key=lambda column: column.map(lambda name: rank.get(name, len(rank))) if column.name == "scenario" else column,
        kind="stable",
        ignore_index=True,
    )
    numbers = ordered.select_dtypes("number")
    whole = [column for column in numbers if (numbers[column].dropna() % 1 == 0).all()]
    return ordered.astype(dict.fromkeys(whole, "Int64"))


def write_table(table: Table, path: str | Path) -> None:
    """Write `table` as `path` (.csv) and, in the same folder, as .md and self-contained .html, each atomically."""
    path = Path(path)
    data = table.frame.to_csv(index=False, float_format=DIGITS, lineterminator="\n").encode()
    write_bytes(path, data)
    lines = [table.shown.columns, ["---"] + ["---:"] * (table.shown.shape[1] - 1), *table.shown.to_numpy()]
    rows = "\n".join("| " + " | ".join(line) + " |" for line in lines)
    write_bytes(
        path.with_suffix(".md"), f"# {table.title}\n\n{rows}\n\n{table.note}\n\n{_checksum(path, data)}\n".encode()
    )
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(table.title)}</title>'
        f"<style>{STYLE}</style><h1>{escape(table.title)}</h1>\n"
        f"{table.shown.to_html(index=False, border=0)}\n<p>{escape(table.note)}</p></html>\n"
    )
    write_bytes(path.with_suffix(".html"), page.encode())
