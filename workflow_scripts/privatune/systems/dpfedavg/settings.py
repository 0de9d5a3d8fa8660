"""Settings of the target `dpfedavg`. Apart from the code, so that planning a workflow does not import torch."""

from typing import Any, Self

from pydantic import Field, model_validator

from privatune.attacks.settings import AuditSettings
from privatune.core.settings import Name, Names, Section, Seeds, known_names, smaller_vocabulary
from privatune.evaluation.settings import SampleSettings
from privatune.privacy.settings import ScaleSettings
from privatune.systems.dpfedavg.job_settings import PrivateTrainingSettings, VariantSettings


class DpFedAvgSettings(Section):
    """Of the target `dpfedavg`: user-level differential privacy (Ramaswamy et al. 2020)."""

    accounting: ScaleSettings = Field(
        default_factory=ScaleSettings,
        description="Epsilon by population, at the paper's scale.",
    )
    training: PrivateTrainingSettings = Field(
        default_factory=PrivateTrainingSettings,
        description="What all variants share.",
    )
    ngram_order: int = Field(
        3,
        ge=2,
        le=6,
        description="Words of the longest n-grams of the baselines.",
    )
    run: Names = Field(
        min_length=1,
        description="Variants that the target makes, in the order of the rows.",
    )
    allow_unprotected: bool = Field(
        False,
        description="Accept variants of `run` with `secure: true` and noise beside others that have public seeds or no "
        "noise. They train on the same persons, so what the others tell about these persons no noise hides.",
    )
    variants: dict[Name, VariantSettings] = Field(
        description="Ways of training by name.",
    )
    seeds: Seeds = Field(
        [0],
        min_length=1,
        description="Replicates.",
    )
    evaluation: SampleSettings = Field(
        default_factory=SampleSettings,
        description="Samples of text; none of the training persons, about whom every figure is a release.",
    )
    audit: AuditSettings = Field(default_factory=AuditSettings, description="Of each variant with noise.")

    @model_validator(mode="after")
    def _nothing_gives_away_what_noise_hides(self) -> Self:
        listed = {name: self.variants[name].privacy for name in self.run if name in self.variants}
        protected = [name for name, privacy in listed.items() if privacy.secure and privacy.noise_multiplier != 0]
        others = [name for name in listed if name not in protected]
        if protected and others and not self.allow_unprotected:
            raise ValueError(
                f"run: {protected[0]} is secure, but {', '.join(others)} of the same persons has public seeds or no "
                "noise; leave it out, or set `allow_unprotected`"
            )
        return self

    def check(self, whole: Any) -> None:
        """As of Section: its variants are defined, and its words are part of the vocabulary."""
        known_names("dpfedavg.run", self.run, set(self.variants))
        smaller_vocabulary("dpfedavg.training.vocabulary", self.training.vocabulary, whole)
