"""Settings of DP-FedAvg and of the canaries that show what it memorizes. They import no torch."""

from typing import Annotated

from pydantic import Field

from privatune.core.settings import CohortSettings, Distinct, Settings
from privatune.federation.settings import ClientSettings, OptimiserSettings, SgdSettings
from privatune.models.settings import CifgSettings, ModelSettings, NumericsSettings
from privatune.privacy.settings import PrivacySettings
from privatune.training.settings import PretrainSettings


class CanarySettings(Settings):
    """Sentences of five random words that synthetic persons carry (Ramaswamy et al. 2020)."""

    users: Annotated[list[Annotated[int, Field(ge=1)]], Distinct] = Field(
        [1, 4, 16], min_length=1, description="Carriers n_u per canary: one row of the grid for each number."
    )
    copies: Annotated[list[Annotated[int, Field(ge=1)]], Distinct] = Field(
        [1, 14, 200],
        min_length=1,
        description="Copies n_e of a canary in the text of each carrier: one column of the grid for each number.",
    )
    per_cell: int = Field(3, ge=1, description="Number of canaries in each cell of the grid.")
    sentences: int = Field(
        200,
        ge=1,
        description="Number of lines in a carrier's text, copies of its canary included; the other lines are "
        "public text.",
    )
    participation: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Probability with which a carrier takes part in a round, independently of everyone else. "
        "Carriers come in addition to the cohort of persons, whose epsilon does not depend on them. "
        "In the paper they take part one to two orders of magnitude more often than persons do; the "
        "carriers' own epsilon is larger accordingly, and is stated beside it.",
    )
    references: int = Field(20_000, ge=1, description="Number of random continuations among which a canary is ranked.")

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

    privacy: PrivacySettings = Field(description="Clip, noise and sampling of this variant.")
    carriers: bool = Field(
        True, description="Whether the synthetic persons who carry canaries belong to the population."
    )


class PrivateCohortSettings(CohortSettings):
    """Who takes part, beside the carriers of canaries."""

    size: int = Field(
        20,
        ge=1,
        description="Cohort size M: persons per round, not counting carriers; under Poisson sampling their expected "
        "number.",
    )
    rounds: int = Field(20, ge=1, le=100_000, description="Number of rounds T.")


class DpTrainingSettings(Settings):
    """What all variants share."""

    model: ModelSettings = Field(
        default_factory=lambda: CifgSettings(kind="cifg"), description="Language model that all variants train."
    )
    vocabulary: int = Field(
        10_000,
        ge=10,
        description="Vocabulary size: how many of the most frequent words of `text.vocabulary` this model knows.",
    )
    pretrain: PretrainSettings = Field(
        default_factory=PretrainSettings,
        description="How the model is pretrained on general text, before the first round.",
    )
    client: ClientSettings = Field(default_factory=ClientSettings, description="What a client does in a round.")
    cohort: PrivateCohortSettings = Field(
        default_factory=PrivateCohortSettings,
        description="How many persons take part per round, and how many rounds there are.",
    )
    optimiser: OptimiserSettings = Field(
        default_factory=SgdSettings, description="Server optimiser, which applies the noisy mean."
    )
    canaries: CanarySettings = Field(
        default_factory=CanarySettings, description="Canaries: which are planted, and how they are looked for."
    )


class DpJobSettings(Settings):
    """What a job of training under differential privacy uses beside its mechanism."""

    canaries: CanarySettings | None = Field(description="Canaries that are planted; null: none.")
    client: ClientSettings = Field(description="What a client does in a round.")
    numerics: NumericsSettings = Field(description="How the job computes.")
    optimiser: OptimiserSettings = Field(description="Server optimiser, which applies the noisy mean.")
    secrets: str | None = Field(
        description="Folder of secret releases; null: cohorts and noise follow from public seeds."
    )
    shards: int = Field(ge=1, description="Number of shards into which a round is cut.")
    vocabulary: int = Field(ge=10, description="Vocabulary size: how many of the most frequent words the model knows.")
