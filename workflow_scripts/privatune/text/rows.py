"""Read corpus tables in small pieces, however large the table or one of its rows is."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow.compute as pc

from privatune.corpora.tables import read_batches

# characters; this bounds the memory of one call of the tokeniser (at worst about 100 bytes per character)
PIECE = 1 << 16


def read_rows(path: str | Path, part: str, unit: str = "document") -> Iterator[tuple[str, str]]:
    """Yield (unit, text) of the rows of `part`, in the table's order; the column `unit` is document or person.

    Raises PrivatuneError naming the file when it cannot be read or lacks a column.
    """
    for batch in read_batches(path, [unit, "part", "text"]):
        rows = batch.filter(pc.equal(batch["part"], part))
        yield from zip(rows[unit].to_pylist(), rows["text"].to_pylist(), strict=True)


def pieces(text: str, size: int = PIECE) -> list[str]:
    """Split `text` at white space into pieces of at most `size` characters; longer words are split too.

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
