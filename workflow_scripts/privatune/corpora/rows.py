"""What a source yields: rows of plain Python values, so that this module and every settings model import nothing heavy.

The Snakefile reads the settings models at every call; pyarrow and datasets are imported where text is really read.
"""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator

from privatune.core.settings import Settings

Role = Literal["general", "private"]
PARTS = ("train", "valid", "test")
PACKED = (".gz", ".zst", ".parquet")  # endings of files whose text is longer than they are
LONGEST = 16 * 2**20  # bytes of one line or characters of one text: what bounds the memory of every reader


class GeneralRow(NamedTuple):
    """One line or paragraph of public text; `part` is train, valid or test."""

    document: str
    part: str
    text: str


class PrivateRow(NamedTuple):
    """One message of a person; `time` is in UTC, or None in a corpus without times, where the order of rows counts."""

    person: str
    time: datetime | None
    text: str


Rows = Iterator[GeneralRow] | Iterator[PrivateRow]


class Source(Settings):
    """What every entry of `sources:` states about its text."""

    role: Role
    licence: str = Field("not stated", description="licence of the text, for the manifest")
    note: str = Field("", description="where the text comes from, for the manifest")

    def inputs(self) -> list[str]:
        """Local files that the source reads and that exist now (what is missing is told when it is read)."""
        return []

    def unwanted(self) -> tuple[str, ...]:
        """Persons of this corpus to leave out, whatever `cleaning` says."""
        return ()

    def words(self) -> int:
        """About how many words it has, or more: here by the sizes of its local files.

        A word takes five bytes; a packed file or a Parquet one counts four times.
        """
        sizes = {path: Path(path).stat().st_size for path in self.inputs()}
        return sum(size * (4 if path.endswith(PACKED) else 1) // 5 for path, size in sizes.items())


class Shares(Settings):
    """Documents of a general corpus that are kept from training."""

    valid_share: float = Field(0.0, ge=0, lt=1, description="share of documents, evenly spread, that validate")
    test_share: float = Field(0.0, ge=0, lt=1, description="share of documents, evenly spread, that test")

    @model_validator(mode="after")
    def _leaves_training(self) -> Self:
        if self.valid_share + self.test_share >= 1:
            raise ValueError("valid_share + test_share must stay below 1")
        return self


def part_of(document: int, shares: Shares) -> str:
    """Part of the document with this index: evenly spread, so that a stream of unknown length can be parted.

    >>> [part_of(i, Shares(valid_share=0.2, test_share=0.2)) for i in range(5)]
    ['train', 'train', 'test', 'train', 'valid']
    """
    whole = 10**6  # integers, so that the same shares part the same way everywhere
    valid = round(shares.valid_share * whole)
    kept = valid + round(shares.test_share * whole)
    number = document * kept // whole
    if (document + 1) * kept // whole == number:
        return "train"
    return "valid" if (number + 1) * valid // kept > number * valid // kept else "test"
