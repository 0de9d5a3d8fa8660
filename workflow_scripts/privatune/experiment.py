"""The whole configuration: the sections of all floors and systems, assembled and checked against each other."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from privatune.attacks.settings import TailSettings
from privatune.core.machine import resolved
from privatune.core.merging import merged
from privatune.core.settings import Name, Names, OutputFolder, Section, Seeds, Settings, known_names
from privatune.core.validation import validated
from privatune.corpora.catalog import SourceName, SourceSettings
from privatune.corpora.cleaning import CleaningSettings
from privatune.corpora.rows import known_sources
from privatune.corpora.settings import GeneralSettings
from privatune.corpora.split import PrivateSettings
from privatune.evaluation.settings import EvaluationSettings
from privatune.export.settings import ExportsSettings
from privatune.federation.settings import INITIAL, ScenarioSettings
from privatune.models.encoder_settings import EncoderSettings
from privatune.models.settings import LstmSettings, ModelSettings
from privatune.report.settings import ReportSettings
from privatune.stages.settings import ExecutionSettings, PlanSettings
from privatune.sweeps import swept
from privatune.systems.compression.settings import CompressionSettings
from privatune.systems.dpcompress.settings import DpCompressSettings
from privatune.systems.dpfedavg.settings import DpFedAvgSettings
from privatune.systems.dpzero.settings import DpZeroSettings
from privatune.systems.popov.settings import PopovSettings
from privatune.systems.split.settings import SplitSettings
from privatune.text.sentence_settings import SentencesSettings
from privatune.text.settings import TextSettings
from privatune.training.settings import PretrainSettings


class Experiment(Settings):
    """One experiment, as config/config.yaml states it."""

    output: OutputFolder = Field("results", description="Folder of all that is generated; `~` is expanded.")
    run: Names = Field(
        min_length=1, description="Scenarios of the target `main`; `initial` is the general model before any round."
    )
    seed: int = Field(0, ge=0, description="Seed of splits, samples, initial weights and pretraining.")
    seeds: Seeds = Field(
        [0], min_length=1, description="Seeds of the replicates of every scenario: each draws its own cohorts."
    )
    accelerator: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="Accelerator on which models train; auto: CUDA where this machine has it."
    )
    precision: Literal["auto", "bfloat16", "float32"] = Field(
        "auto", description="Precision of products in training; auto: bfloat16 where the processor computes in it."
    )
    sources: dict[SourceName, SourceSettings] = Field(description="Corpora by name, and where each comes from.")
    general: GeneralSettings = Field(description="Text that anyone may read.")
    private: PrivateSettings = Field(description="Text that stays with the persons who wrote it.")
    cleaning: CleaningSettings = Field(
        default_factory=CleaningSettings, description="What is removed from private text."
    )
    text: TextSettings = Field(default_factory=TextSettings, description="What counts as a word.")
    encoders: dict[Name, EncoderSettings] = Field(
        {}, description="Encoders of sentences by name, and where each comes from."
    )
    sentences: dict[Name, SentencesSettings] = Field({}, description="Sets of labelled sentences to classify, by name.")
    model: ModelSettings = Field(default_factory=LstmSettings, description="Language model that scenarios fine-tune.")
    pretrain: PretrainSettings = Field(
        default_factory=PretrainSettings, description="How the general model is pretrained."
    )
    federation: ScenarioSettings = Field(
        default_factory=ScenarioSettings, description="Fine-tuning: what every scenario starts from."
    )
    scenarios: dict[Name, ScenarioSettings] = Field(
        description="Scenarios by name: each says only in what it differs from `federation`."
    )
    evaluation: EvaluationSettings = Field(
        default_factory=EvaluationSettings, description="Samples of text on which every model is measured."
    )
    tail: TailSettings = Field(
        default_factory=TailSettings, description="Privacy, measured by the tail test; not part of the target `main`."
    )
    report: ReportSettings = Field(default_factory=ReportSettings, description="What the tables are made from.")
    popov: PopovSettings = Field(description="Distributed fine-tuning (Popov et al. 2018): the target `popov`.")
    compression: CompressionSettings = Field(
        description="Methods compared by the bits that they send: the targets `compression` and `compression_full`."
    )
    dpfedavg: DpFedAvgSettings = Field(
        description="User-level differential privacy (Ramaswamy et al. 2020): the target `dpfedavg`."
    )
    dpzero: DpZeroSettings = Field(
        description="Private fine-tuning by forward passes (Zhang et al. 2024): the target `dpzero`."
    )
    split: SplitSettings = Field(
        description="Fine-tuning on states that a customer privatises, under attack (Shen et al. 2023): the target "
        "`split`."
    )
    dpcompress: DpCompressSettings = Field(
        description="Private model compression (Mireshghallah et al. 2022): the target `dpcompress`."
    )
    export: ExportsSettings = Field(
        default_factory=ExportsSettings, description="Models that other programs can use: the target `export`."
    )
    plan: PlanSettings = Field(
        default_factory=PlanSettings, description="What the experiment will take, before it runs: the target `plan`."
    )
    execution: ExecutionSettings = Field(default_factory=ExecutionSettings, description="How work is cut into jobs.")

    @model_validator(mode="after")
    def _sections_fit_together(self) -> Self:
        if INITIAL in self.scenarios:
            raise ValueError(f"scenarios: {INITIAL} is the general model; choose another name")
        known_names("run", self.run, {INITIAL, *self.scenarios})
        for name, chosen in self.sentences.items():
            known_sources(f"sentences.{name}.source", [chosen.source], "labelled", self.sources)
        for name in type(self).model_fields:
            if isinstance(section := getattr(self, name), Section):
                section.check(self)
        return self


def experiment(config: Mapping[str, Any]) -> Experiment:
    """Validate a configuration as YAML gives it; sweeps become variants, each scenario inherits `federation`.

    What is `auto` is decided here, once, when the workflow is planned, so that all jobs agree.

    Raises:
        PrivatuneError: one line with every unknown key, wrong value or name, and what is right.
    """
    whole = dict(config)
    base, scenarios = whole.get("federation") or {}, whole.get("scenarios") or {}
    if isinstance(base, Mapping) and isinstance(scenarios, Mapping):
        validated(ScenarioSettings, base, at="federation")  # first, or each scenario repeats what is wrong here
        whole = swept(whole | {"scenarios": scenarios}).config
        scenarios = whole["scenarios"]
        whole["scenarios"] = {name: merged(base, overrides or {}) for name, overrides in scenarios.items()}
    e = validated(Experiment, whole)
    accelerator, precision = resolved(e.accelerator, e.precision)
    return e.model_copy(update={"accelerator": accelerator, "precision": precision})
