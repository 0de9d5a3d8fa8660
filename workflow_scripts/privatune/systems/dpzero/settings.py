"""Settings of the target `dpzero`. They are separate from the code so that planning imports no torch."""

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from privatune.core.settings import Distinct, Name, Names, Section, Seeds, Settings, known_names
from privatune.models.classifier_settings import HeadScope, HeadSettings, LinearHead, ScopeSettings
from privatune.models.settings import NumericsSettings
from privatune.privacy.settings import PrivacyOfExamples
from privatune.systems.dpzero.cost_settings import CostSettings
from privatune.systems.dpzero.dimension_settings import DimensionSettings

NONE = "none"  # the folder of classifiers that are trained without clip and noise

Epsilons = Annotated[list[Annotated[float, Field(gt=0, le=1e4)]], Field(min_length=1), Distinct]
Grid = Annotated[list[Annotated[float, Field(gt=0, le=1e6)]], Field(min_length=1), Distinct]


class GradientSettings(Settings):
    """Steps by gradients, clipped per example (Abadi et al. 2016)."""

    name: Literal["gradient"] = Field("gradient", description="Steps: by gradients.")
    optimiser: Literal["sgd", "adamw"] = Field("adamw", description="Optimiser that applies the noisy mean gradient.")


class ZerothSettings(Settings):
    """Steps by forward passes along random directions (MeZO, DPZero, DP-AggZO)."""

    name: Literal["zeroth"] = Field("zeroth", description="Steps: by two forward passes per random direction.")
    directions: int = Field(1, ge=1, le=4096, description="Directions K per step; DPZero has 1, DP-AggZO more.")
    noised: Literal["scalar", "vector"] = Field(
        "scalar",
        description="What is clipped and noised: the slopes along the directions, as in DPZero, or the whole vector, "
        "as in DPGD-0th, which needs one direction.",
    )
    smoothing: float = Field(
        1e-3, gt=0, le=1, description="Smoothing lambda: how far the two passes move along a direction."
    )

    @model_validator(mode="after")
    def _a_vector_has_one_direction(self) -> "ZerothSettings":
        if self.noised == "vector" and self.directions != 1:
            raise ValueError("directions: noise on the whole vector is for one direction; set it to 1")
        return self


StepSettings = Annotated[GradientSettings | ZerothSettings, Field(discriminator="name")]


class MethodSettings(Settings):
    """A way of training a classifier; at each epsilon it is tuned and trained apart."""

    step: StepSettings = Field(default_factory=ZerothSettings, description="How a step is made.")
    scope: ScopeSettings = Field(default_factory=HeadScope, description="Which weights are trained.")
    batch: int | None = Field(
        64,
        ge=1,
        description="Expected minibatch size B: each example is drawn into a step independently with probability "
        "B / n. null: all n training examples in every step.",
    )
    steps: int = Field(1000, ge=1, le=1_000_000, description="Number of steps T.")
    rate: float = Field(
        0.1, gt=0, le=1e4, description="Learning rate, which each value of `dpzero.tuning.factors` multiplies."
    )
    clip: float = Field(
        1.0,
        gt=0,
        le=1e6,
        description="Clip C of an example's gradient or slopes, which each value of `dpzero.tuning.clips` multiplies.",
    )
    seeds: Seeds | None = Field(
        None, min_length=1, description="Seeds of its replicates. null: those of `dpzero.seeds`."
    )
    epsilons: Epsilons | None = Field(None, description="Epsilons at which it is trained. null: those of `dpzero`.")
    leave_out: Names = Field([], description="Sets of `dpzero.sets` that it is not trained on, to save time.")

    @property
    def has_twin(self) -> bool:
        """Whether it is also trained without clip and noise; DPGD-0th without them is MeZO, a method of its own."""
        return not (isinstance(self.step, ZerothSettings) and self.step.noised == "vector")


class TuningSettings(Settings):
    """One grid for all methods, tried on the validation part and outside the privacy budget."""

    factors: Grid = Field([0.3, 1.0, 3.0], description="Factors of each method's learning rate.")
    clips: Grid = Field([1.0], description="Factors of each method's clip; without noise nothing is clipped.")
    seed: int = Field(1000, ge=0, description="Seed of the training runs that tune; choose none of `dpzero.seeds`.")


class DpZeroSettings(Section):
    """Of the target `dpzero`: private fine-tuning of sentence classifiers by forward passes (Zhang et al. 2024)."""

    encoder: str = Field("minilm", description="Entry of `encoders:` that all classifiers build on.")
    sets: Names = Field(min_length=1, description="Entries of `sentences:`, in the order of the rows.")
    head: HeadSettings = Field(default_factory=LinearHead, description="What scores the classes.")
    run: Names = Field(min_length=1, description="Methods that the target trains, in the order of the rows.")
    methods: dict[Name, MethodSettings] = Field(description="Ways of training, by name.")
    epsilons: Epsilons = Field([6.0, 2.0], description="Target epsilons; each method is also trained without noise.")
    privacy: PrivacyOfExamples = Field(
        default_factory=PrivacyOfExamples, description="What all epsilons have in common."
    )
    tuning: TuningSettings = Field(default_factory=TuningSettings, description="How rates and clips are chosen.")
    seeds: Seeds = Field(list(range(10)), min_length=1, description="Seeds of the replicates.")
    dimension: DimensionSettings = Field(
        default_factory=DimensionSettings, description="Synthetic experiment: error against the number of weights."
    )
    costs: CostSettings = Field(default_factory=CostSettings, description="Memory and seconds per step of a method.")

    def trained(self) -> list[tuple[str, str, str]]:
        """Return set, method and folder of the epsilon of every job that trains, in the order of the rows."""
        return [
            (name, method, level)
            for name in self.sets
            for method in self.run
            if name not in self.methods[method].leave_out
            for level in self.levels(self.methods[method])
        ]

    def levels(self, method: MethodSettings) -> list[str]:
        """Return the folders of a method: `none` if it has a twin without noise, and one per epsilon."""
        private = [f"{epsilon:g}" for epsilon in method.epsilons or self.epsilons]
        return [NONE, *private] if method.has_twin else private

    def check(self, whole: Any) -> None:
        """Raise ValueError if an encoder, a set or a method is not defined; see `Section.check`."""
        known_names("dpzero.encoder", [self.encoder], set(whole.encoders))
        known_names("dpzero.run", self.run, set(self.methods))
        for name, method in self.methods.items():
            known_names(f"dpzero.methods.{name}.leave_out", method.leave_out, set(whole.sentences))
        known_names("dpzero.sets", self.sets, set(whole.sentences))
        few = [name for name in self.sets if whole.sentences[name].shots]
        if few and self.privacy.adjacency == "zero out one":
            raise ValueError(
                f"dpzero.privacy.adjacency: with `sentences.{few[0]}.shots`, removing one sentence lets another in; "
                "take `replace one`, which covers it"
            )


class ClassifierJobSettings(Settings):
    """What a job that trains the classifiers of one method at one epsilon uses."""

    set: str = Field(description="Name of the set of sentences.")
    method: str = Field(description="Name of the method.")
    settings: MethodSettings = Field(description="Settings of the method.")
    epsilon: float | None = Field(description="Target epsilon; null: neither clip nor noise.")
    seeds: Seeds = Field(description="Seeds of the replicates.")
    head: HeadSettings = Field(description="What scores the classes.")
    privacy: PrivacyOfExamples = Field(description="What all epsilons have in common.")
    tuning: TuningSettings = Field(description="How rates and clips are chosen.")
    secrets: str | None = Field(description="Folder of secret releases; null: seeds are public.")
    seed: int = Field(description="Seed of the split and of the resamples of the test part.")
    numerics: NumericsSettings = Field(description="How the job computes.")
