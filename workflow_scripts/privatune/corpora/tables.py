"""Parquet tables of text, which are written and read in batches so that memory does not grow with the corpus."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from privatune.core.errors import PrivatuneError
from privatune.core.files import replacing

_TIME = pa.timestamp("us", tz="UTC")
GENERAL = pa.schema([("document", pa.string()), ("part", pa.string()), ("text", pa.string())])
PRIVATE = pa.schema([("person", pa.string()), ("time", _TIME), ("text", pa.string())])
LABELLED = pa.schema([("label", pa.string()), ("text", pa.string())])
CHOSEN = pa.schema([("person", pa.string()), ("part", pa.string()), ("time", _TIME), ("text", pa.string())])
# the checksum in the footer, in Thrift's compact protocol: the key, then a text of 64 characters as the next field
_KEY = "privatune.sha256"
_BEFORE = _KEY.encode() + b"\x18\x40"
_BLANK = b"0" * 64  # placeholder of the checksum while it is computed
_BLOCK = 1 << 20
_INNER = r"[^\s\pZ\x{85}\x{200B}]"  # in the syntax of RE2; \pZ are separators, Cc and Cf invisible
_WORD = rf"{_INNER}*[^\s\pZ\p{{Cc}}\p{{Cf}}\x{{FE00}}-\x{{FE0F}}]{_INNER}*"
_ROWS, _CHARACTERS = 20_000, 8 * 2**20  # a batch ends when it reaches either


def in_batches(rows: Iterable[tuple], schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """Collect rows, whose last value must be the text, into record batches."""
    held: list[tuple] = []
    characters = 0
    for row in rows:
        held.append(row)
        characters += len(row[-1])
        if len(held) >= _ROWS or characters >= _CHARACTERS:
            yield _batch(held, schema)
            held, characters = [], 0
    if held:
        yield _batch(held, schema)


def _batch(rows: list[tuple], schema: pa.Schema) -> pa.RecordBatch:
    columns = zip(*rows, strict=True)
    arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.RecordBatch.from_arrays(arrays, schema=schema)


def write_table(
    path: str | Path, batches: Iterable[pa.RecordBatch], schema: pa.Schema, done: Callable[[], None] = lambda: None
) -> None:
    """Write batches atomically; `done` is called at the end, and if it raises, no table is left.

    Only the owner can read the table, unless its text is general.
    """
    with replacing(path, private=schema != GENERAL) as part:
        with pq.ParquetWriter(part, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
            writer.add_key_value_metadata({_KEY: _BLANK.decode()})
        done()
        with part.open("r+b") as file:
            place = _place(file)
            checksum = _checksum(file, place)
            file.seek(place)
            file.write(checksum)


def read_batches(path: str | Path, columns: list[str]) -> Iterator[pa.RecordBatch]:
    """Yield the batches of a table; raises PrivatuneError before the first one if it is damaged or lacks a column."""
    try:
        with Path(path).open("rb") as handle:
            place = _place(handle)
            checksum = _checksum(handle, place)
            handle.seek(place)
            if handle.read(len(_BLANK)) != checksum:
                raise PrivatuneError(f"{path}: damaged (its checksum does not match); delete it and run again")
        with pq.ParquetFile(path, pre_buffer=False, buffer_size=2**20) as file:
            missing = [name for name in columns if name not in file.schema_arrow.names]
            if missing:
                raise PrivatuneError(f"{path}: has no column `{missing[0]}`; choose a corpus with another role")
            for group in range(file.num_row_groups):  # one at a time, to bound the size of a batch
                yield from file.iter_batches(batch_size=_ROWS, row_groups=[group], columns=columns)
    except (pa.ArrowException, OSError) as error:  # from None, because the cause may quote the text
        raise PrivatuneError(f"{path}: missing or damaged ({type(error).__name__}); delete it and run again") from None


def _place(file: BinaryIO) -> int:
    """Offset of the checksum in the file: Parquet ends in its footer, the footer's length and a magic number."""
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 8))
    start = max(0, size - 8 - int.from_bytes(file.read(4), "little"))
    file.seek(start)
    found = file.read().rfind(_BEFORE)
    if found < 0:
        raise pa.ArrowInvalid("no checksum")
    return start + found + len(_BEFORE)


def _checksum(file: BinaryIO, place: int) -> bytes:
    """Hexadecimal SHA-256 of a table, with the checksum at `place` taken as blank."""
    digest = hashlib.sha256()
    file.seek(0)
    while block := file.read(min(_BLOCK, place - file.tell())):
        digest.update(block)
    digest.update(_BLANK)
    file.seek(place + len(_BLANK))
    digest.update(file.read())  # the end of the footer
    return digest.hexdigest().encode()


def word_counts(text: pa.Array) -> np.ndarray:
    """Number of words of each text [rows], separated by what the tokeniser takes as white space.

    That is any white space of Unicode, and the zero-width space. What has only characters that the tokeniser removes is
    no word. A word and the punctuation that touches it count as one, though the tokeniser separates them.

    >>> word_counts(pa.array(["it's  me , Ann", "a\u00a0b\u3000c\u200bd", "\ufeff", ""])).tolist()
    [4, 4, 0, 0]
    """
    return pc.count_substring_regex(text, _WORD).to_numpy(zero_copy_only=False)
