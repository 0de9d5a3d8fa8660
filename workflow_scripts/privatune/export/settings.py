"""Settings of the target `export`. Apart from the code, so that planning a workflow does not import torch."""

from typing import Any, Self

from pydantic import Field, model_validator

from privatune.core.settings import Name, Names, Section, Settings, known_names
from privatune.evaluation.settings import SampleSettings
from privatune.federation.settings import INITIAL


class DpZeroModelSettings(Settings):
    """A classifier of `dpzero`: one method on one set at one epsilon, under the first seed of the method."""

    method: str = Field(description="Method of `dpzero.run`.")
    set: str = Field(description="Set of `dpzero.sets`.")
    epsilon: float | None = Field(
        gt=0, le=1e4, description="Target epsilon at which the method is trained; null: without clip and noise."
    )


TRAININGS = ("scenario", "variant", "classifier", "dpzero")


class ExportedSettings(Settings):
    """A model that is exported: exactly one of `scenario`, `variant`, `classifier` and `dpzero` names its training."""

    scenario: str | None = Field(
        None, description="Scenario of the main experiment; `initial` is the general model before any round."
    )
    variant: str | None = Field(None, description="Variant of `dpfedavg.run`.")
    classifier: str | None = Field(
        None, description="Method of `dpcompress.run`, whose model has the target epsilon and the first seed."
    )
    dpzero: DpZeroModelSettings | None = Field(None, description="Classifier that the target `dpzero` trains.")
    seed: int | None = Field(
        None, ge=0, description="Seed of the replicate; null: the first of the `seeds` of its training."
    )
    round: int | None = Field(
        None, ge=1, description="Round of the scenario after which the model is taken; null: the last."
    )

    @model_validator(mode="after")
    def _one_training(self) -> Self:
        named = [key for key in TRAININGS if getattr(self, key) is not None]
        if len(named) != 1:
            *others, last = TRAININGS
            raise ValueError(
                f"it names {' and '.join(named) or 'no training'}; name one of {', '.join(others)} and {last}"
            )
        if self.round is not None and self.scenario in (None, INITIAL):
            raise ValueError("round: this model has no rounds to choose from; leave it out")
        if self.seed is not None and (self.classifier or self.dpzero or self.scenario == INITIAL):
            raise ValueError("seed: this model has only one; leave it out")
        return self


class ExportsSettings(Section):
    """Of the target `export`: models that other programs can use."""

    run: Names = Field(["general"], min_length=1, description="Models that are exported, in the order of the rows.")
    models: dict[Name, ExportedSettings] = Field(
        {"general": ExportedSettings(scenario=INITIAL)}, description="Models by the name of their folder."
    )
    threads: int = Field(1, ge=1, le=256, description="Threads of each product while a model is measured.")
    words: int = Field(
        200,
        ge=1,
        le=100_000,
        description="Number of words of general text whose reading is timed, one after the other.",
    )
    sentences: int = Field(
        50,
        ge=1,
        le=100_000,
        description="Number of sentences that are timed with a classifier of `dpzero`, drawn from the test part; at "
        "most all. `dpcompress.export` has that of its own classifiers.",
    )
    repeats: int = Field(5, ge=1, le=100, description="How often all these words or sentences are timed.")

    def check(self, whole: Any) -> None:
        """Raise ValueError if a model, its training or its round is not defined; see `Section.check`."""
        known_names("export.run", self.run, set(self.models))
        for name, model in self.models.items():
            at = f"export.models.{name}"
            if model.scenario is not None:
                known_names(f"{at}.scenario", [model.scenario], {INITIAL, *whole.scenarios})
                if model.round and model.round > (last := whole.scenarios[model.scenario].cohort.rounds):
                    raise ValueError(f"{at}.round: {model.scenario} has {last} rounds; choose one of them")
            if model.variant is not None:
                known_names(f"{at}.variant", [model.variant], set(whole.dpfedavg.variants))
            if model.classifier is not None:
                known_names(f"{at}.classifier", [model.classifier], set(whole.dpcompress.methods))
            if model.dpzero is not None:
                known_names(f"{at}.dpzero.method", [model.dpzero.method], set(whole.dpzero.methods))
                known_names(f"{at}.dpzero.set", [model.dpzero.set], set(whole.sentences))
                if name in self.run and whole.dpzero.head.name != "linear":
                    raise ValueError(
                        f"{at}.dpzero: `dpzero.head` is {whole.dpzero.head.name}, and only classifiers with a linear "
                        f"head are exported; take that one, or leave {name} out of `export.run`"
                    )


class ExportJobSettings(Settings):
    """What a job that exports a language model uses; it always computes on a CPU in float32."""

    name: str = Field(description="Name of the model.")
    training: dict[str, Any] = Field(description="Scenario or variant, seed and round of the model, by these names.")
    visits: int | None = Field(
        description="Persons whose devices are visited up to the round, counted at each visit; null: not told."
    )
    secure: bool = Field(description="Whether cohorts and noise of its training have seeds from the operating system.")
    evaluation: SampleSettings = Field(description="Samples of text on which it is measured.")
    seed: int = Field(description="Seed of the samples.")
    threads: int = Field(description="Threads of each product while it is measured.")
    words: int = Field(description="Number of words whose reading is timed.")
    repeats: int = Field(description="How often they are timed.")
