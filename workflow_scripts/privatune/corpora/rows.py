"""What a source yields: rows of plain Python values, so that no settings model imports anything heavy.

The Snakefile reads the settings models at every call; pyarrow and datasets are imported only where text is read.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Literal, NamedTuple, Self

from pydantic import Field, model_validator

from privatune.core.settings import Settings, known_names

Role = Literal["general", "private", "labelled"]
PARTS = ("train", "valid", "test")
PACKED = (".gz", ".zst", ".parquet")  # file name endings of compressed text
LONGEST = 16 * 2**20  # maximum bytes of a line and characters of a text, which bounds the memory of every reader


class GeneralRow(NamedTuple):
    """One line or paragraph of public text; `part` is train, valid or test."""

    document: str
    part: str
    text: str


class PrivateRow(NamedTuple):
    """One message of a person; `time` is in UTC, or None in a corpus without times, whose rows are in order."""

    person: str
    time: datetime | None
    text: str


class LabelledRow(NamedTuple):
    """A text, and the name of the class that it belongs to."""

    label: str
    text: str


Rows = Iterator[GeneralRow] | Iterator[PrivateRow] | Iterator[LabelledRow]


class Source(Settings):
    """What every entry of `sources:` states about its text."""

    role: Role
    licence: str = Field("not stated", description="licence of the text, for the manifest")
    note: str = Field("", description="where the text comes from, for the manifest")

    def inputs(self) -> list[str]:
        """Local files that the source reads and that exist now (`read` reports the ones that are missing)."""
        return []

    def unwanted(self) -> tuple[str, ...]:
        """Persons of this corpus to leave out in addition to those of `cleaning`."""
        return ()

    def words(self) -> int:
        """A rough upper bound on the number of words, here from the sizes of the local files.

        A word takes five bytes; compressed and Parquet files count four times their size.
        """
        sizes = {path: Path(path).stat().st_size for path in self.inputs()}
        return sum(size * (4 if path.endswith(PACKED) else 1) // 5 for path, size in sizes.items())


class Shares(Settings):
    """The shares of a general corpus that are not used for training."""

    valid_share: float = Field(0.0, ge=0, lt=1, description="share of documents, evenly spread, for validation")
    test_share: float = Field(0.0, ge=0, lt=1, description="share of documents, evenly spread, for testing")

    @model_validator(mode="after")
    def _leaves_training(self) -> Self:
        if self.valid_share + self.test_share >= 1:
            raise ValueError("valid_share, test_share: their sum must be below 1; lower one of them")
        return self


def part_of(document: int, shares: Shares) -> str:
    """Part of the document with this index; parts are evenly spread, so that a corpus of unknown length can be split.

    >>> [part_of(i, Shares(valid_share=0.2, test_share=0.2)) for i in range(5)]
    ['train', 'train', 'test', 'train', 'valid']
    """
    whole = 10**6  # integers, so that equal shares give the same split on every machine
    valid = round(shares.valid_share * whole)
    kept = valid + round(shares.test_share * whole)
    number = document * kept // whole
    if (document + 1) * kept // whole == number:
        return "train"
    return "valid" if (number + 1) * valid // kept > number * valid // kept else "test"


def known_sources(key: str, names: Iterable[str], role: Role, sources: Mapping[str, Source]) -> None:
    """Raise ValueError, for use in a section's check, when `key` lists a source that is missing or has another role."""
    names = list(names)
    known_names(key, names, set(sources))
    for name in names:
        if (found := sources[name].role) != role:
            raise ValueError(
                f"{key}: {name} is a source of {found} text, not of {role} text; choose another, or set its `role`"
            )
