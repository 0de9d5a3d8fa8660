"""The user's own files: JSONL, CSV, TSV and Parquet; the text formats may be compressed as .gz or .zst."""

import csv
import glob
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from pydantic import Field

from privatune.core.errors import PrivatuneError
from privatune.corpora.columns import ColumnSource, Record, rows
from privatune.corpora.rows import LONGEST, Rows

Format = Literal["jsonl", "csv", "tsv", "parquet"]
_FORMATS: dict[str, Format] = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet",
}  # fmt: skip
_PACKED = {".gz": "gzip", ".zst": "zstd"}


class FilesSource(ColumnSource):
    """Your own files."""

    kind: Literal["files"] = "files"
    paths: tuple[str, ...] = Field(
        min_length=1, description="files, read in this order; patterns such as `chat/*.csv.gz` are expanded and sorted"
    )
    format: Literal["auto", "jsonl", "csv", "tsv", "parquet"] = Field(
        "auto", description="format of all files; auto: by the name's ending, as `.jsonl`, `.tsv.gz` or `.csv.zst`"
    )
    quotes: bool = Field(True, description='CSV and TSV: a field may be in "double quotes"; false: quotes are text')

    def inputs(self) -> list[str]:
        """The files that exist now."""
        return [path for pattern in self.paths for path in _expand(pattern) if Path(path).is_file()]


SETTINGS = FilesSource


def read(settings: FilesSource, path: str | Path | None = None) -> Rows:
    """Yield the rows of all files; raises PrivatuneError naming the file and the line that cannot be read."""
    return rows(_records(settings), settings)


def _expand(pattern: str) -> list[str]:
    if not glob.has_magic(pattern):
        return [pattern]
    return sorted(glob.glob(pattern, recursive=True))  # noqa: PTH207, because Path.glob takes no absolute pattern


def _records(settings: FilesSource) -> Iterator[Record]:
    for pattern in settings.paths:
        paths = _expand(pattern)
        if not paths:
            raise PrivatuneError(f"{pattern}: no file matches this pattern; correct `paths`")
        for path in paths:
            if not Path(path).is_file():
                raise PrivatuneError(f"{path}: no such file; correct `paths`")
            form = _format(path) if settings.format == "auto" else settings.format
            if form == "parquet":
                yield from _parquet(path, settings.columns())
            elif form == "jsonl":
                yield from _jsonl(path)
            else:
                yield from _separated(path, "\t" if form == "tsv" else ",", settings.quotes, settings.columns())


def _format(path: str) -> Format:
    name = Path(path.lower())
    suffix = name.with_suffix("").suffix if name.suffix in _PACKED else name.suffix
    if suffix not in _FORMATS:
        raise PrivatuneError(f"{path}: its name implies no format; set `format` to jsonl, csv, tsv or parquet")
    return _FORMATS[suffix]


def _lines(path: str) -> Iterator[str]:
    """Yield the lines of a text file with their line ends; only one line is in memory at a time."""
    import pyarrow as pa  # here, not above: the Snakefile imports this module for its settings

    packed = _PACKED.get(Path(path).suffix.lower())
    number = 0
    try:
        with (
            pa.input_stream(path, compression=packed) as stream,
            io.BufferedReader(cast(io.RawIOBase, stream), 2**20) as lines,
        ):
            while line := cast(BinaryIO, lines).readline(LONGEST + 1):
                number += 1
                if len(line) > LONGEST:
                    raise PrivatuneError(
                        f"{path} line {number}: longer than {LONGEST >> 20} MiB; split it into several lines"
                    )
                if b"\0" in line:
                    raise PrivatuneError(
                        f"{path} line {number}: has a NUL byte, so it is not text in UTF-8; convert the file"
                    )
                yield line.decode("utf-8-sig" if number == 1 else "utf-8")
    except UnicodeDecodeError:  # from None, here and below, because the cause quotes the text
        raise PrivatuneError(
            f"{path} line {number}: not UTF-8; convert the file (for Latin-1: iconv -f LATIN1 -t UTF-8)"
        ) from None
    except OSError as error:
        raise PrivatuneError(
            f"{path}: cannot be read past line {number} ({type(error).__name__}): damaged, cut short, or compressed"
            " with a window over 128 MiB (zstd --long); copy or compress it again"
        ) from None


class _TwiceError(Exception):
    """A key stands twice in a JSON object."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        raise _TwiceError
    return values


def _refuse_twice(path: str, names: list[str], used: list[str]) -> None:
    for column in used:
        if names.count(column) > 1:
            raise PrivatuneError(f"{path}: the column `{column}` stands twice; rename or remove one of them")


def _jsonl(path: str) -> Iterator[Record]:
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            values = json.loads(line, object_pairs_hook=_object)
        except _TwiceError:
            raise PrivatuneError(f"{path} line {number}: a key stands twice in one object; keep one of them") from None
        except (ValueError, RecursionError):
            values = None
        if not isinstance(values, dict):
            raise PrivatuneError(
                f'{path} line {number}: not a JSON object; each line must be one, such as {{"text": ...}}'
            )
        yield Record(f"{path} line", number, values)


def _separated(path: str, delimiter: str, quotes: bool, columns: list[str]) -> Iterator[Record]:
    csv.field_size_limit(LONGEST)
    quoting: Literal[0, 3] = csv.QUOTE_MINIMAL if quotes else csv.QUOTE_NONE
    reader = csv.reader(_lines(path), delimiter=delimiter, quoting=quoting, strict=True)
    header: list[str] | None = None
    while True:
        try:
            fields = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise PrivatuneError(
                f"{path} line {reader.line_num}: a quote is not closed or not doubled; fix it or set `quotes: false`"
            ) from None
        if header is None:
            header = fields
            _refuse_twice(path, header, columns)
        elif len(fields) == len(header):
            yield Record(f"{path} line", reader.line_num, dict(zip(header, fields, strict=True)))
        elif fields:
            raise PrivatuneError(
                f"{path} line {reader.line_num}: {len(fields)} fields, but the header has {len(header)};"
                " fix it, or set the right `format` or `quotes`"
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
