"""Reading corpus tables a little at a time, however large the table or one of its rows is."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.compute as pc

from privatune.corpora.tables import read_batches

# characters; bounds the memory that one call of the tokeniser takes (about 100 bytes a character at worst)
PIECE = 1 << 16


def read_rows(path: str | Path, part: str, unit: str = "document") -> Iterator[tuple[str, str]]:
    """Yield (unit, text) of the rows of `part`, in the table's order; `unit` is the column of documents or persons.

    Raises PrivatuneError naming the file when it cannot be read or lacks a column.
    """
    for batch in read_batches(path, [unit, "part", "text"]):
        rows = batch.filter(pc.equal(batch["part"], part))
        yield from zip(rows[unit].to_pylist(), rows["text"].to_pylist(), strict=True)


def pieces(text: str, size: int = PIECE) -> list[str]:
    """Cut `text` at white space into pieces of at most `size` characters; words longer than that are cut too.

    >>> pieces("a bc d", 4), pieces("abcdef", 4), pieces("", 4)
    (['a bc', ' d'], ['abcd', 'ef'], [''])
    """
    if len(text) <= size:
        return [text]
    found = []
    start = 0
    while len(text) - start > size:
        end = start + size
        space = next((i for i in range(end, start, -1) if text[i].isspace()), end)
        found.append(text[start:space])
        start = space
    return [*found, text[start:]]
