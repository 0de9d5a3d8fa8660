"""Encoded text on disk: the ids of all units one after the other, which are mapped into memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, overload

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import map_tensors, save_pieces
from privatune.text.settings import UNK

Block = tuple[str, np.ndarray, np.ndarray]


class Names(Sequence[str]):
    """A sequence of strings stored as UTF-8 bytes [total] and the end of each [n]; each is decoded when it is read."""

    def __init__(self, text: np.ndarray, ends: np.ndarray) -> None:
        self._text, self._ends = text, ends

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, index: int) -> str: ...
    @overload
    def __getitem__(self, index: slice) -> list[str]: ...
    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        place = range(len(self))[index]
        start = self._ends[place - 1] if place else 0
        return self._text[start : self._ends[place]].tobytes().decode()


@dataclass(frozen=True)
class Stream:
    """Encoded text of several units (documents or persons); each row of a unit ends in `<eos>`."""

    ids: np.ndarray
    """[tokens] uint16, or uint32 for more than 65,536 words; memory-mapped, read-only."""
    lengths: np.ndarray
    """[tokens] uint8: number of characters of the word in the text, at most 255; 0 for `<eos>`."""
    offsets: np.ndarray
    """[units + 1] int64: unit i is `ids[offsets[i] : offsets[i + 1]]`."""
    units: Sequence[str]
    """[units] names of the documents or pseudonyms of the persons."""

    def unit(self, i: int) -> np.ndarray:
        """The ids of unit `i`."""
        return self.ids[self.offsets[i] : self.offsets[i + 1]]


def write_stream(
    path: str | Path,
    blocks: Iterable[Block],
    vocabulary: int,
    about: Mapping[str, Any] | None = None,
    private: bool = False,
) -> None:
    """Atomically write blocks of (unit, ids, lengths); adjacent blocks with the same name make one unit.

    `about` goes into the file's header and is read after the last block. Only one block is in memory at a time.
    With `private`, only the owner can read the file.
    """
    ids = np.dtype(np.uint16 if vocabulary <= 1 << 16 else np.uint32)
    whole = np.dtype(np.int64)
    byte = np.dtype(np.uint8)
    dtypes = {"ids": ids, "lengths": byte, "offsets": whole, "unit_ends": whole, "unit_names": byte}
    save_pieces(path, dtypes, _pieces(blocks), {} if about is None else about, private)


def _pieces(blocks: Iterable[Block]) -> Iterator[dict[str, np.ndarray]]:
    current: str | None = None
    tokens = named = 0
    for unit, ids, lengths in blocks:
        if unit != current:
            current = unit
            name = np.frombuffer(unit.encode(), np.uint8)
            named += len(name)
            yield {"offsets": np.array([tokens]), "unit_names": name, "unit_ends": np.array([named])}
        tokens += len(ids)
        yield {"ids": ids, "lengths": lengths}
    yield {"offsets": np.array([tokens])}


def read_stream(path: str | Path, vocabulary: int | None = None) -> Stream:
    """Map a stream into memory.

    Args:
        path: The file.
        vocabulary: The number of most frequent words to keep; all others become `<unk>`, as if the text had been
            encoded with them alone, since ids are in the order of frequency. This copies the ids. None: all words.

    Raises:
        PrivatuneError: the file, which the message names, is missing or damaged.
    """
    text = _read(path)[0]
    if vocabulary is None or not len(text.ids) or int(text.ids.max()) < vocabulary:
        return text
    return replace(text, ids=np.where(text.ids < vocabulary, text.ids, UNK).astype(text.ids.dtype))


def read_counts(path: str | Path) -> list[dict[str, Any]]:
    """Read a stream's counts by corpus: corpus, part, units, tokens, lines, types, unknown; errors as `read_stream`."""
    return _read(path)[1].get("corpora", [])


def _read(path: str | Path) -> tuple[Stream, dict[str, Any]]:
    arrays, about = map_tensors(path)
    try:
        names = Names(arrays["unit_names"], arrays["unit_ends"])
        stream = Stream(arrays["ids"], arrays["lengths"], arrays["offsets"], names)
    except KeyError as error:
        raise PrivatuneError(f"{path}: not a stream of text; delete it and run again") from error
    return stream, about
