"""Every kind of source that `sources:` may name.

The Snakefile imports this module at every call, so no source module imports anything heavy at its top.
"""

from typing import Annotated

from pydantic import AfterValidator, Field

from privatune.corpora.sources.chitchat import ChitchatSource
from privatune.corpora.sources.files import FilesSource
from privatune.corpora.sources.huggingface import HuggingFaceSource
from privatune.corpora.sources.movie_reviews import MovieReviewsSource
from privatune.corpora.sources.sotu import SotuSource
from privatune.corpora.sources.trec import TrecSource
from privatune.corpora.sources.wikitext2 import WikiText2Source

SourceSettings = Annotated[
    WikiText2Source | SotuSource | ChitchatSource | MovieReviewsSource | TrecSource | FilesSource | HuggingFaceSource,
    Field(discriminator="kind"),
]


def _not_taken(name: str) -> str:
    if name == "private":  # split_persons writes OUT/corpora/private.parquet
        raise ValueError("a source cannot be called private; choose another name")
    return name


SourceName = Annotated[
    str,
    Field(pattern="^[a-z0-9][a-z0-9_-]*$", description="name of a source: lower-case letters, digits, _ and -"),
    AfterValidator(_not_taken),
]
