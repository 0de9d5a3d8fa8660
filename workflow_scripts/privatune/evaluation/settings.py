"""Settings of evaluation. Apart from the measures, so that planning a workflow does not import numba or torch."""

from pydantic import Field

from privatune.core.settings import Settings


class SampleSettings(Settings):
    """Seeded samples of stated size, the same for every model, of text that no person trained on."""

    chunk_tokens: int = Field(
        300,
        ge=2,
        description="Number of consecutive words in each sampled chunk of text; the last chunk "
        "of a person or a document has what is left.",
    )
    general_tokens: int = Field(
        30_000, ge=2, description="Number of words that are sampled from the general test text."
    )
    user_tokens: int = Field(
        30_000, ge=2, description="Number of words that are sampled from the text of held-out persons."
    )
    resamples: int = Field(
        100,
        ge=2,
        le=10_000,
        description="Bootstrap resamples of the sampled documents and persons, the same for every model. They "
        "give the part of an interval that is due to the choice of text.",
    )

    @property
    def words(self) -> list[int]:
        """Of each sample."""
        return [self.general_tokens, self.user_tokens]


class EvaluationSettings(SampleSettings):
    """Seeded samples, one of them of the training persons: figures about it are a release that no noise covers."""

    later_tokens: int = Field(
        9_000, ge=2, description="Number of words that are sampled from the newer text of the training persons."
    )

    @property
    def words(self) -> list[int]:
        """Of each sample."""
        return [*super().words, self.later_tokens]
