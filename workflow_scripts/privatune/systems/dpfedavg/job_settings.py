"""Settings of DP-FedAvg and of the canaries that show what it memorizes. They import no torch."""

from typing import Annotated

from pydantic import Field

from privatune.core.settings import CohortSettings, Settings
from privatune.federation.settings import ClientSettings, OptimiserSettings, SgdSettings
from privatune.models.settings import CifgSettings, ModelSettings, NumericsSettings
from privatune.privacy.settings import PrivacySettings
from privatune.training.settings import PretrainSettings


class CanarySettings(Settings):
    """Sentences of five random words that synthetic persons carry (Ramaswamy et al. 2020)."""

    users: list[Annotated[int, Field(ge=1)]] = Field(
        [1, 4, 16], min_length=1, description="n_u: persons who carry a canary, one value a row of the grid."
    )
    copies: list[Annotated[int, Field(ge=1)]] = Field(
        [1, 14, 200], min_length=1, description="n_e: copies in the text of each of them, one value a column."
    )
    per_cell: int = Field(3, ge=1, description="Canaries of each cell of the grid.")
    sentences: int = Field(
        200, ge=1, description="Lines of a carrier's text, copies included; the rest is public text."
    )
    participation: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Probability with which a carrier takes part in a round, on its own. Carriers come beside the "
        "cohort of persons, whose epsilon does not depend on them. In the paper they take part one to two orders of "
        "magnitude more often than persons do; their own epsilon is larger accordingly, and stated beside it.",
    )
    references: int = Field(20_000, ge=1, description="Random continuations among which a canary is ranked.")

    @property
    def carriers(self) -> int:
        """Synthetic persons of the whole grid."""
        return sum(self.users) * len(self.copies) * self.per_cell

    @property
    def expected(self) -> float:
        """Carriers of a round, on average."""
        return self.carriers * self.participation


class VariantSettings(Settings):
    """One way of training that is compared."""

    privacy: PrivacySettings = Field(description="Clip, noise and sampling.")
    carriers: bool = Field(True, description="Whether the synthetic persons with canaries are in the population.")


class PrivateCohortSettings(CohortSettings):
    """Who takes part, beside the carriers of canaries."""

    size: int = Field(
        20,
        ge=1,
        description="Cohort size M: persons per round, not counting carriers; under Poisson sampling their expected "
        "number.",
    )
    rounds: int = Field(20, ge=1, le=100_000, description="Number of rounds T.")


class PrivateTrainingSettings(Settings):
    """What all variants share."""

    model: ModelSettings = Field(default_factory=lambda: CifgSettings(kind="cifg"), description="The language model.")
    vocabulary: int = Field(10_000, ge=10, description="Its words: the most frequent of the vocabulary.")
    pretrain: PretrainSettings = Field(default_factory=PretrainSettings, description="On general text, before rounds.")
    client: ClientSettings = Field(default_factory=ClientSettings, description="What a person's device does.")
    cohort: PrivateCohortSettings = Field(
        default_factory=PrivateCohortSettings, description="How many persons take part, and for how long."
    )
    optimiser: OptimiserSettings = Field(default_factory=SgdSettings, description="Of the server.")
    canaries: CanarySettings = Field(default_factory=CanarySettings, description="What is planted and looked for.")


class PrivateJobSettings(Settings):
    """What a job of private training uses beside its mechanism."""

    canaries: CanarySettings | None = Field(description="What is planted; null: nothing.")
    client: ClientSettings = Field(description="What a person's device does.")
    numerics: NumericsSettings = Field(description="How it computes.")
    optimiser: OptimiserSettings = Field(description="Of the server.")
    secrets: str | None = Field(
        description="Folder of secret releases; null: cohorts and noise follow from public seeds."
    )
    slots: int = Field(ge=1, description="Parts of a round.")
    vocabulary: int = Field(ge=10, description="Words: the most frequent of the vocabulary.")
