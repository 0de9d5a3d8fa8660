"""Settings of the comparison of ways of training by the bits that they send. They import no torch and no numba."""

from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from privatune.core.settings import CohortSettings, Name, Names, Section, Seeds, known_names, smaller_vocabulary
from privatune.evaluation.settings import EvaluationSettings
from privatune.federation.settings import ClientSettings
from privatune.models.settings import LstmSettings, ModelSettings
from privatune.systems.compression.methods import Choice, MethodSettings, choices
from privatune.training.settings import PretrainSettings


class CompressionSettings(Section):
    """Of the targets `compression` and `compression_full`: ways of training on the same text, and what they send."""

    model: ModelSettings = Field(
        default_factory=lambda: LstmSettings(layers=1, hidden=64),
        description="Language model that all methods train.",
    )
    vocabulary: int = Field(
        2000,
        ge=10,
        le=1_000_000,
        description="Vocabulary size: how many of the most frequent words of `text.vocabulary` this model knows.",
    )
    pretrain: PretrainSettings = Field(
        default_factory=PretrainSettings,
        description="How the model is pretrained, before any method starts.",
    )
    client: ClientSettings = Field(
        default_factory=ClientSettings,
        description="What a client trains on, and how; the method replaces its learning rate.",
    )
    cohort: CohortSettings = Field(
        default_factory=CohortSettings,
        description="How many devices train at a time, and how many rounds of averaging there are. Both "
        "determine the text, which is the same for every method.",
    )
    seeds: Seeds = Field(
        [0, 1, 2],
        min_length=1,
        description="Seeds of the replicates: each pretrains its own general model and draws its own persons and "
        "samples of test text, the same for every method.",
    )
    shares: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        [0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.0],
        min_length=1,
        description="Points of the training at which the model is measured, as ascending shares of its steps; "
        "shares that fall on the same step are measured once.",
    )
    final_rate: float = Field(
        0.1,
        gt=0,
        le=1,
        description="Learning rate at the end of training, as a share of the first one. It falls linearly; a "
        "step or a round keeps the rate that it starts with.",
    )
    averaged: float = Field(
        0.5,
        gt=0,
        le=1,
        description="Polyak averaging: the share of the steps so far, counted from the newest, whose models are "
        "averaged into the one that is measured.",
    )
    tuning_rounds: int = Field(
        5,
        ge=1,
        le=100_000,
        description="Number of rounds of the shorter training on which methods are tuned; gradient methods train "
        "on the same text.",
    )
    evaluation: EvaluationSettings = Field(
        default_factory=EvaluationSettings,
        description="Samples of text on which every model is measured.",
    )
    methods: dict[Name, MethodSettings] = Field(description="Methods, which are ways of training, by name.")
    run: Names = Field(
        min_length=1,
        description="Methods of the target `compression`; the first is compared with each of the others.",
    )
    full: Names = Field(
        min_length=1,
        description="Methods of the target `compression_full`; the first is compared with each of the others.",
    )

    @model_validator(mode="after")
    def _methods_are_compared_fairly(self) -> Self:
        for key, names in (("run", self.run), ("full", self.full)):
            known_names(key, names, set(self.methods))
            sizes = {name: len(self.methods[name].points()) for name in names}
            if len(set(sizes.values())) > 1:
                raise ValueError(
                    f"{key}: grids of unequal size, {sizes}; give every method as many points (learning_rates times "
                    "values of parameter), because tuning favours a larger grid"
                )
        if self.client.facts.teaches:
            raise ValueError(
                f"client.objective: {self.client.objective} needs a teacher, and a device that sends "
                "a gradient at every step has none; choose another objective"
            )
        if self.shares != sorted(set(self.shares)) or self.shares[-1] != 1:
            raise ValueError("shares: they must ascend and end with 1, the end of training; sort them")
        return self

    def check(self, whole: Any) -> None:
        """Raise ValueError if the vocabulary is too large; see `Section.check`."""
        smaller_vocabulary("compression.vocabulary", self.vocabulary, whole)

    def choices(self, method: str) -> list[Choice]:
        """A method at every point of its grid, as it is tuned."""
        cohort = self.cohort.model_copy(update={"rounds": self.tuning_rounds})
        shared = {"final_rate": self.final_rate, "averaged": self.averaged}
        return choices(self.methods[method], client=self.client, cohort=cohort, **shared)
