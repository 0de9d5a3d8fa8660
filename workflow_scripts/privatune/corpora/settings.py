"""Settings of the general text."""

from typing import Any

from pydantic import Field

from privatune.core.settings import Names, Section
from privatune.corpora.rows import known_sources


class GeneralSettings(Section):
    """Text that anyone may read."""

    corpora: Names = Field(min_length=1, description="Entries of `sources:`, in the order in which they are read.")

    def check(self, whole: Any) -> None:
        """Raise ValueError if a corpus is not a source of general text; see `Section.check`."""
        known_sources("general.corpora", self.corpora, "general", whole.sources)
