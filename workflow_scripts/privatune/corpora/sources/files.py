"""The user's own files: JSONL, CSV, TSV and Parquet; the text formats may be compressed as .gz or .zst."""

import csv
import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from privatune.core.errors import PrivatuneError
from privatune.corpora.columns import ColumnSource, Record, rows
from privatune.corpora.lines import PACKINGS, lines, packing
from privatune.corpora.paths import existing, files_of
from privatune.corpora.rows import LONGEST, Rows
from privatune.corpora.separators import (
    kept_in,
    quotes_remedy,
    refuse_other_separator,
    stated_separator,
    without_backslashes,
)

Format = Literal["jsonl", "csv", "tsv", "parquet"]
_FORMATS: dict[str, Format] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet",
}  # fmt: skip


_LINE = 'each line must be one, such as {"text": ...}'


class FilesSource(ColumnSource):
    """Your own files."""

    kind: Literal["files"] = "files"
    paths: tuple[str, ...] = Field(
        min_length=1,
        description="files, read in this order and each once; `~` and patterns such as `chat/*.csv.gz` are expanded, "
        "and what a pattern matches is sorted, with part-9 before part-10",
    )
    format: Literal["auto", "jsonl", "csv", "tsv", "parquet"] = Field(
        "auto", description="format of all files; auto: by the name's ending, as `.jsonl`, `.tsv.gz` or `.csv.zst`"
    )
    separator: str | None = Field(
        None,
        pattern=r'^[^"\r\n\\]$',
        description='CSV and TSV: the one character between fields, such as ";"; null: a comma in CSV and a tab in TSV',
    )
    quotes: bool = Field(True, description='CSV and TSV: a field may be in "double quotes"; false: quotes are text')
    backslashes: bool = Field(
        False,
        description='CSV and TSV: a backslash before a quote, a separator or a backslash makes it text, as in \\"',
    )

    def inputs(self) -> list[str]:
        """The files that exist now."""
        return existing(self.paths)


SETTINGS = FilesSource


def read(settings: FilesSource, path: str | Path | None = None) -> Rows:
    """Yield the rows of all files; raises PrivatuneError naming the file and the line that cannot be read."""
    return rows(islice(_records(settings), settings.max_rows), settings)


def _records(settings: FilesSource) -> Iterator[Record]:
    for path in files_of(settings.paths):
        form = _format(path) if settings.format == "auto" else settings.format
        if form == "parquet":
            yield from _parquet(path, settings.columns())
        elif form == "jsonl":
            yield from _jsonl(path)
        else:
            yield from _separated(path, "\t" if form == "tsv" else ",", settings)


def _format(path: str) -> Format:
    if packing(path) == "parquet":
        return "parquet"
    name = Path(path.lower())
    suffix = name.with_suffix("").suffix if name.suffix in PACKINGS else name.suffix
    if suffix not in _FORMATS:
        next(lines(path), None)  # an archive is named as one
        raise PrivatuneError(f"{path}: its name implies no format; set `format` to jsonl, csv, tsv or parquet")
    return _FORMATS[suffix]


class _TwiceError(Exception):
    """A key occurs twice in a JSON object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise _TwiceError
    return values


def _refuse_twice(path: str, names: list[str], used: list[str]) -> None:
    for column in used:
        if names.count(column) > 1:
            raise PrivatuneError(f"{path}: the column `{column}` occurs twice; rename or remove one of them")


def _jsonl(path: str) -> Iterator[Record]:
    first = True
    for number, line in enumerate(lines(path), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line, object_pairs_hook=_object)
        except _TwiceError:
            raise PrivatuneError(f"{path} line {number}: a key occurs twice in one object; keep one of them") from None
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise PrivatuneError(f"{path} line {number}: not a JSON object; {_remedy(line) if first else _LINE}")
        first = False
        yield Record(f"{path} line", number, values)


def _remedy(line: str) -> str:
    if line.lstrip().startswith("["):
        return "if the file is one JSON array, write its objects as lines: `jq -c '.[]'`"
    return "if the file is one object, write it as one line: `jq -c .`" if line.strip() == "{" else _LINE


def _separated(path: str, separator: str, settings: FilesSource) -> Iterator[Record]:
    csv.field_size_limit(LONGEST)
    used = settings.columns()
    separator, text, skipped = stated_separator(path, lines(path), settings.separator or separator, settings.separator)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if settings.quotes else csv.QUOTE_NONE
    escape = "\\" if settings.backslashes else None
    seen: list[str] = []  # the lines of this record
    kept = kept_in(without_backslashes(text, separator) if escape else text, seen)
    reader = csv.reader(kept, delimiter=separator, quoting=quoting, escapechar=escape, strict=True)
    header: list[str] | None = None
    while True:
        seen.clear()
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            if header is None:
                refuse_other_separator(path, seen, [], separator, used)
            raise PrivatuneError(
                f"{path} line {skipped + reader.line_num}: a quote is not closed or not doubled; fix it or"
                f" {quotes_remedy(seen, settings.backslashes)}"
            ) from None
        if header is None:
            refuse_other_separator(path, seen, fields, separator, used)
            header = fields
            _refuse_twice(path, header, used)
        elif len(fields) == len(header):
            yield Record(f"{path} line", skipped + reader.line_num, dict(zip(header, fields, strict=True)))
        elif fields:
            raise PrivatuneError(
                f"{path} line {skipped + reader.line_num}: {len(fields)} fields, but the header has {len(header)};"
                f" fix it, set the right `format` or `separator`, or {quotes_remedy(seen, settings.backslashes)}"
            )


def _parquet(path: str, columns: list[str]) -> Iterator[Record]:
    import pyarrow as pa  # here, not above: the Snakefile imports this module for its settings
    import pyarrow.parquet as pq

    number = 0
    try:
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=2**20) as file:
            _refuse_twice(path, file.schema_arrow.names, columns)
            names = [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(batch_size=512, columns=names):
                values = []
                for column in batch.columns:
                    if pa.types.is_timestamp(column.type):  # nanoseconds would need pandas to become Python values
                        column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
                    values.append(column.to_pylist())
                for i in range(batch.num_rows):
                    number += 1
                    yield Record(
                        f"{path} row", number, {name: column[i] for name, column in zip(names, values, strict=True)}
                    )
    except UnicodeDecodeError:
        raise PrivatuneError(f"{path}: text after row {number} is not UTF-8; convert the column") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise PrivatuneError(
            f"{path}: cannot be read past row {number} ({type(error).__name__}): damaged or not Parquet; copy it again"
        ) from None
