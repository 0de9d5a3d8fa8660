"""Encode corpus tables as streams, one batch of rows at a time."""

from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from tokenizers import Tokenizer

from privatune.core.errors import PrivatuneError
from privatune.text.rows import PIECE, pieces, read_rows
from privatune.text.settings import EOS, MARKS, UNK
from privatune.text.streams import Block, write_stream
from privatune.text.tokenizer import load_tokenizer, words_of

# the largest length that fits into a stream's uint8 lengths
_LONGEST = 255
_HASHES = 1 << 18

# part of a row: unit, text, whether it is the end of the row
Piece = tuple[str, str, bool]
# text of one unit: unit, ids, lengths, one hash for each unknown word
Run = tuple[str, np.ndarray, np.ndarray, list[int]]


def encode_parts(
    tables: Sequence[str | Path], unit: str, tokenizer: str | Path, outputs: Mapping[str, str | Path]
) -> None:
    """Write one stream for each part (train, valid, ...) of `outputs`, with the text of all `tables` in order.

    `unit` is the column that names the unit of a row: document or person. Each stream's header holds the counts of each
    table. Only the owner can read the text of persons.

    Raises PrivatuneError naming the tables when a part has no text or a person's rows are not consecutive.
    """
    loaded = load_tokenizer(tokenizer)
    words = words_of(loaded)
    for part, path in outputs.items():
        corpora: list[dict[str, Any]] = []
        blocks = _blocks(tables, unit, loaded, words, part, corpora)
        write_stream(path, blocks, len(words), {"corpora": corpora}, private=unit == "person")


def _blocks(
    tables: Sequence[str | Path],
    unit: str,
    tokenizer: Tokenizer,
    words: Sequence[str],
    part: str,
    corpora: list[dict[str, Any]],
) -> Iterator[Block]:
    """Yield the blocks of all tables; the counts of each table are appended to `corpora` after its last block."""
    widths = np.array([min(len(word), _LONGEST) for word in words], np.uint8)
    widths[: len(MARKS)] = 0
    for table in tables:
        runs = _runs(_batches(read_rows(table, part, unit)), tokenizer, widths)
        if unit == "person":
            runs = _together(runs, table)
        counts = yield from _counted(runs, len(words))
        if counts["tokens"]:
            corpora.append({"corpus": Path(table).stem, "part": part, **counts})
    if not corpora:
        names = ", ".join(str(table) for table in tables)
        raise PrivatuneError(
            f"{names}: no text in part `{part}`; choose a corpus that has this part, or raise its share"
        )


def _batches(rows: Iterable[tuple[str, str]]) -> Iterator[list[Piece]]:
    """Combine rows into batches of up to `PIECE` characters; longer rows are split."""
    batch: list[Piece] = []
    size = 0
    for unit, text in rows:
        parts = pieces(text)
        for i, piece in enumerate(parts, 1):
            if batch and size + len(piece) > PIECE:
                yield batch
                batch, size = [], 0
            batch.append((unit, piece, i == len(parts)))
            size += len(piece)
    if batch:
        yield batch


def _runs(batches: Iterable[list[Piece]], tokenizer: Tokenizer, widths: np.ndarray) -> Iterator[Run]:
    """Encode each batch and yield its runs, each of one unit."""
    for batch in batches:
        encodings = iter(tokenizer.encode_batch([text for _, text, _ in batch]))
        for unit, run in groupby(batch, key=lambda piece: piece[0]):
            ids: list[int] = []
            unknown_widths: list[int] = []
            hashes: list[int] = []
            for _, text, ends in run:
                encoding = next(encodings)
                found = encoding.ids
                if UNK in found:
                    offsets = encoding.offsets
                    place = -1
                    for _ in range(found.count(UNK)):
                        place = found.index(UNK, place + 1)
                        start, end = offsets[place]
                        unknown_widths.append(max(1, min(end - start, _LONGEST)))
                        hashes.append(hash(tokenizer.normalizer.normalize_str(text[start:end])))
                ids += found
                if ends:
                    ids.append(EOS)
            numbers = np.array(ids, np.int64)
            lengths = widths[numbers]
            lengths[numbers == UNK] = unknown_widths
            yield unit, numbers, lengths, hashes


def _together(runs: Iterable[Run], table: str | Path) -> Iterator[Run]:
    """Yield the same runs; raises PrivatuneError when a person appears again after another one."""
    current: str | None = None
    finished = set()
    for run in runs:
        if run[0] != current:
            finished.add(current)
            current = run[0]
            if current in finished:
                raise PrivatuneError(f"{table}: rows of person {current} are not consecutive; delete it and run again")
        yield run


def _counted(runs: Iterable[Run], vocabulary: int) -> Generator[Block, None, dict[str, int]]:
    """Yield the runs as blocks; return the numbers of units, tokens, lines, types and unknown words."""
    units = tokens = lines = unknown = 0
    current: str | None = None
    seen = np.zeros(vocabulary, bool)
    seen_unknown = np.empty(0, np.int64)
    new: list[int] = []
    for unit, ids, lengths, hashes in runs:
        units += unit != current
        current = unit
        tokens += len(ids)
        lines += int(np.count_nonzero(ids == EOS))
        unknown += len(hashes)
        seen[ids] = True
        new += hashes
        if len(new) > _HASHES:
            seen_unknown, new = np.union1d(seen_unknown, np.array(new, np.int64)), []
        yield unit, ids, lengths
    types = int(seen[len(MARKS) :].sum()) + len(np.union1d(seen_unknown, np.array(new, np.int64)))
    return {"units": units, "tokens": tokens, "lines": lines, "types": types, "unknown": unknown}
