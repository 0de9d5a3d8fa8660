"""Settings of evaluation. Apart from the measures, so that planning a workflow does not import numba or torch."""

from pydantic import Field

from privatune.core.settings import Settings


class SampleSettings(Settings):
    """Seeded samples of stated size, the same for every model, of text that no person trained on."""

    chunk_tokens: int = Field(300, ge=2, description="Words of consecutive text in a sampled chunk.")
    general_tokens: int = Field(30_000, ge=2, description="Words of general test text, in chunks.")
    user_tokens: int = Field(30_000, ge=2, description="Words of held-out persons' text, in chunks.")
    resamples: int = Field(
        100,
        ge=2,
        le=10_000,
        description="Resamples of the sampled documents and persons, from which intervals learn how much of a measure "
        "is the choice of text; the same for every model.",
    )

    @property
    def words(self) -> list[int]:
        """Of each sample."""
        return [self.general_tokens, self.user_tokens]


class EvaluationSettings(SampleSettings):
    """Seeded samples, one of them of the training persons: figures about it are a release that no noise covers."""

    later_tokens: int = Field(9_000, ge=2, description="Words of the training persons' newer text, in chunks.")

    @property
    def words(self) -> list[int]:
        """Of each sample."""
        return [*super().words, self.later_tokens]
