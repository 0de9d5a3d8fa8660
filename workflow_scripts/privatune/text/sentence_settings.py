"""Settings of sentences with labels. They are separate from the code so that planning imports no native library."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from privatune.core.settings import Settings


class SentencesSettings(Settings):
    """Sentences with labels, split into training, validation and test parts, on which classifiers are compared."""

    source: str = Field(description="Entry of `sources:` with the sentences; its role is `labelled`.")
    phrases: dict[str, Annotated[str, Field(min_length=1)]] = Field(
        {},
        description="Phrase that says in words what a label means, for every label, such as `positive: a good film`. "
        "Heads of the kind `prompt` compare sentences with these phrases; other heads need none.",
    )
    validation_share: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="Probability that a sentence is in the validation part, on which settings are tuned; a hash of "
        "`seed` and the sentence decides, so other sentences have no influence.",
    )
    test_share: float = Field(
        0.2, gt=0, lt=1, description="Probability that a sentence is in the test part, decided by the same hash."
    )
    shots: int | None = Field(
        None,
        ge=1,
        description="Maximum number of training sentences per label, those with the smallest hashes, so that a larger "
        "number adds sentences; null: all.",
    )
    max_tokens: int = Field(
        64,
        ge=8,
        le=512,
        description="Maximum number of tokens of a sentence, with the marks that the encoder adds; longer sentences "
        "are cut.",
    )

    @model_validator(mode="after")
    def _leaves_training(self) -> Self:
        if self.validation_share + self.test_share >= 1:
            raise ValueError("validation_share, test_share: their sum must be below 1; lower one of them")
        return self
