"""The lines of text files, whatever their line ends are and whether they are compressed."""

import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from privatune.core.errors import PrivatuneError
from privatune.corpora.rows import LONGEST

PACKINGS = {".gz": "gzip", ".zst": "zstd", ".bz2": "bz2", ".xz": "xz"}  # by the end of a name
_STARTS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bz2",
    b"\xfd7zXZ\0": "xz",
    b"PK\x03\x04": "zip",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"PAR1": "parquet",
    b"\xd0\xcf\x11\xe0": "xls",
}
_REMEDIES = {
    "bz2": "packed by bzip2; unpack it with `bunzip2`, or pack it with gzip or zstd",
    "xz": "packed by xz; unpack it with `unxz`, or pack it with gzip or zstd",
    "zip": "a ZIP archive or a spreadsheet (.xlsx); unpack it, or save the sheet as CSV",
    "7z": "a 7z archive; unpack it",
    "xls": "a spreadsheet (.xls); save the sheet as CSV",
    "parquet": "a Parquet file; set `format: parquet`",
}
_NO_TEXT = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_BLOCK = 1 << 18


def packing(path: str) -> str | None:
    """How a file is packed, by its first bytes: gzip, zstd, parquet, ..., or None if it is plain.

    The name counts only where the bytes are neither a packing nor text, as in a file whose start is damaged.
    """
    try:
        with Path(path).open("rb") as file:
            start = file.read(4096)
    except OSError as error:
        raise PrivatuneError(f"{path}: cannot be opened ({error.strerror}); correct its permissions") from None
    for first, kind in _STARTS.items():
        if start.startswith(first):
            return kind
    return PACKINGS.get(Path(path).suffix.lower()) if _NO_TEXT.search(start) else None


def lines(path: str) -> Iterator[str]:
    """Yield the lines of a text file with their ends (CR, LF or both); only one line is in memory at a time.

    Raises PrivatuneError if the file is packed in a way that is not read, damaged, or no text in UTF-8.
    """
    import pyarrow as pa  # here, not above: the Snakefile imports this module for its settings

    number = 0
    try:
        packed = packing(path)
        if packed in _REMEDIES:
            raise PrivatuneError(f"{path}: {_REMEDIES[packed]}")
        with (
            pa.input_stream(path, compression=packed) as stream,
            io.BufferedReader(cast(io.RawIOBase, stream), 2**20) as file,
        ):
            for line in _split(cast(BinaryIO, file)):
                number += 1
                _refuse_unusable(path, number, line)
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


def _split(file: BinaryIO) -> Iterator[bytes]:
    rest = b""
    while block := file.read(_BLOCK):
        *ended, rest = (rest + block).splitlines(keepends=True)
        yield from ended
        if rest.endswith(b"\n"):  # after a CR at the end of a block, an LF may follow
            yield rest
            rest = b""
        elif len(rest) > LONGEST:
            break
    if rest:
        yield rest


def _refuse_unusable(path: str, number: int, line: bytes) -> None:
    if number == 1 and line[257:262] == b"ustar":
        raise PrivatuneError(f"{path}: a tar archive; unpack it")
    if len(line) > LONGEST:
        what = (
            " (if it is a JSON array: `jq -c '.[]'`)"
            if number == 1 and line.lstrip(b"\xef\xbb\xbf \t").startswith(b"[")
            else ""
        )
        raise PrivatuneError(
            f"{path} line {number}: longer than {LONGEST >> 20} MiB; split it into several lines{what}"
        )
    if b"\0" in line:
        raise PrivatuneError(f"{path} line {number}: has a NUL byte, so it is not text in UTF-8; convert the file")
