"""Settings of the target `dpfedavg`. Apart from the code, so that planning a workflow does not import torch."""

from typing import Any, Self

from pydantic import Field, model_validator

from privatune.attacks.settings import AuditSettings
from privatune.core.settings import Name, Names, Section, Seeds, known_names, smaller_vocabulary
from privatune.evaluation.settings import SampleSettings
from privatune.privacy.settings import ScaleSettings
from privatune.systems.dpfedavg.job_settings import DpTrainingSettings, VariantSettings


class DpFedAvgSettings(Section):
    """Of the target `dpfedavg`: user-level differential privacy (Ramaswamy et al. 2020)."""

    accounting: ScaleSettings = Field(
        default_factory=ScaleSettings,
        description="Epsilon by population, at the scale of the paper.",
    )
    training: DpTrainingSettings = Field(
        default_factory=DpTrainingSettings,
        description="Settings that all variants share.",
    )
    ngram_order: int = Field(
        3,
        ge=2,
        le=6,
        description="Order of the n-gram baselines: number of words in their longest n-grams.",
    )
    run: Names = Field(
        min_length=1,
        description="Variants that the target trains, in the order of the rows.",
    )
    allow_unprotected: bool = Field(
        False,
        description="Whether a variant with `secure: true` and noise may run together with variants that have "
        "public seeds or no noise. All train on the same persons, and no noise hides what the others "
        "reveal about them.",
    )
    variants: dict[Name, VariantSettings] = Field(
        description="Variants, which are ways of training, by name.",
    )
    seeds: Seeds = Field(
        [0],
        min_length=1,
        description="Seeds of the replicates.",
    )
    evaluation: SampleSettings = Field(
        default_factory=SampleSettings,
        description="Samples of text on which every model is measured. None is from the training persons, since "
        "every figure about them would be a release.",
    )
    audit: AuditSettings = Field(default_factory=AuditSettings, description="Audit of each variant with noise.")

    @model_validator(mode="after")
    def _nothing_gives_away_what_noise_hides(self) -> Self:
        listed = {name: self.variants[name].privacy for name in self.run if name in self.variants}
        protected = [name for name, privacy in listed.items() if privacy.secure and privacy.noise_multiplier != 0]
        others = [name for name in listed if name not in protected]
        if protected and others and not self.allow_unprotected:
            raise ValueError(
                f"run: {protected[0]} is secure, but of the same persons there is also {', '.join(others)}, with "
                "public seeds or no noise; leave these out, or set `allow_unprotected`"
            )
        return self

    def check(self, whole: Any) -> None:
        """Raise ValueError if a variant is not defined or the vocabulary is too large; see `Section.check`."""
        known_names("dpfedavg.run", self.run, set(self.variants))
        smaller_vocabulary("dpfedavg.training.vocabulary", self.training.vocabulary, whole)
