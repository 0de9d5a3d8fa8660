"""The whole configuration: every floor's settings, assembled, validated, and resolved for this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from privatune.attacks.settings import TailSettings
from privatune.core.merging import merged
from privatune.core.settings import Name, Names, Seeds, Settings, known_names
from privatune.core.validation import validated
from privatune.corpora.catalog import SourceName, SourceSettings
from privatune.corpora.cleaning import CleaningSettings
from privatune.corpora.split import PrivateSettings
from privatune.evaluation.settings import EvaluationSettings
from privatune.federation.settings import ScenarioSettings
from privatune.models.settings import LstmSettings, ModelSettings
from privatune.privacy.settings import Populations, ScaleSettings
from privatune.report.settings import PopovSettings, ReportSettings
from privatune.sweeps import swept
from privatune.systems.compression.settings import CompressionSettings
from privatune.systems.dpfedavg.settings import DpFedAvgSettings
from privatune.text.settings import TextSettings
from privatune.training.settings import PretrainSettings

INITIAL = "initial"  # the general model as it is, before any round


class GeneralSettings(Settings):
    """Text that anyone may read."""

    corpora: Names = Field(
        min_length=1,
        description="Entries of `sources:` in the order in which they are read.",
    )


class ExecutionSettings(Settings):
    """How work is cut into jobs; nothing here changes a result but `pretrain_threads`."""

    clients_per_job: int = Field(
        5,
        ge=1,
        description="Clients that one job fine-tunes, one after the other.",
    )
    rounds_per_job: int = Field(
        1,
        ge=1,
        description="1: a round fans out into jobs of clients; more: one job runs that many whole rounds.",
    )
    private_slots: int = Field(
        0,
        ge=0,
        description="Jobs that a round of `dpfedavg` fans out into, each with a part of the cohort; 0: one job runs "
        "all rounds of a variant, and no unnoised sum is ever written.",
    )
    pretrain_threads: int = Field(
        2,
        ge=1,
        le=256,
        description="Threads of pretraining. Sums round in their order, so it decides the last bits.",
    )


class PlanSettings(ScaleSettings):
    """What the target `plan` looks ahead to: this experiment, and DP-FedAvg at a scale that is not run here."""

    populations: Populations = [10_000_000]
    targets: list[str] = Field(["all"], min_length=1, description="Targets whose jobs are planned together.")
    costs: str | None = Field(
        None,
        description="Measured costs for stages that this experiment has not run yet, a `costs.json` of another output "
        "folder; null: those of the default experiment, config/costs.json.",
    )
    words: int | None = Field(
        None, ge=1, description="Words that a device trains on in a round; null: as a person here has."
    )
    device_speed: float = Field(
        1.0, gt=0, le=1000, description="Speed of a device, where a core of the measured machine has 1."
    )


class Experiment(Settings):
    """One experiment, as config/config.yaml states it."""

    output: str = Field("results", description="Folder of all that is generated.")
    run: Names = Field(
        min_length=1,
        description="Scenarios that `all` makes; `initial` is the general model.",
    )
    seed: int = Field(
        0,
        ge=0,
        description="Of splits, samples, initial weights and pretraining.",
    )
    seeds: Seeds = Field(
        [0],
        min_length=1,
        description="Replicates of every scenario: each draws its own cohorts.",
    )
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto",
        description="Where models train; auto: CUDA when present.",
    )
    precision: Literal["auto", "bfloat16", "float32"] = Field(
        "auto",
        description="Of products in training; auto: bfloat16 where the processor computes in it.",
    )
    sources: dict[SourceName, SourceSettings] = Field(
        description="Corpora by name, and where each comes from.",
    )
    general: GeneralSettings = Field(description="Text that anyone may read.")
    private: PrivateSettings = Field(
        description="Text that stays with the persons who wrote it.",
    )
    cleaning: CleaningSettings = Field(
        default_factory=CleaningSettings,
        description="What private text loses.",
    )
    text: TextSettings = Field(
        default_factory=TextSettings,
        description="What counts as a word.",
    )
    model: ModelSettings = Field(default_factory=LstmSettings, description="The language model.")
    pretrain: PretrainSettings = Field(default_factory=PretrainSettings, description="Of the general model.")
    federation: ScenarioSettings = Field(
        default_factory=ScenarioSettings,
        description="Fine-tuning: what every scenario starts from.",
    )
    scenarios: dict[Name, ScenarioSettings] = Field(
        description="Scenarios by name: each says only in what it differs from `federation`.",
    )
    evaluation: EvaluationSettings = Field(
        default_factory=EvaluationSettings,
        description="Samples of text.",
    )
    tail: TailSettings = Field(
        default_factory=TailSettings,
        description="Privacy, measured; not part of `all`.",
    )
    report: ReportSettings = Field(default_factory=ReportSettings, description="What the tables are made of.")
    popov: PopovSettings = Field(description="Of the target `popov`.")
    compression: CompressionSettings = Field(description="Of the targets `compression` and `compression_full`.")
    dpfedavg: DpFedAvgSettings = Field(description="Of the target `dpfedavg`.")
    plan: PlanSettings = Field(default_factory=PlanSettings, description="Of the target `plan`.")
    execution: ExecutionSettings = Field(default_factory=ExecutionSettings, description="How work is cut into jobs.")

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        if INITIAL in self.scenarios:
            raise ValueError(f"scenarios: {INITIAL} is the general model; choose another name")
        known_names("run", self.run, {INITIAL, *self.scenarios})
        known_names("report.cost_scenarios", self.report.cost_scenarios, set(self.scenarios))
        known_names("tail.scenario", [self.tail.scenario], set(self.scenarios))
        if not self.scenarios[self.tail.scenario].averages_single_persons:
            wrong = "does not average single updates of one person each"
            raise ValueError(f"tail.scenario: the server of {self.tail.scenario} {wrong}; name another")
        known_names("report.paper", list(self.report.paper), {INITIAL, *self.scenarios})
        known_names("popov.scenarios", self.popov.scenarios, {INITIAL, *self.scenarios})
        smaller = {"compression": self.compression.vocabulary, "dpfedavg.training": self.dpfedavg.training.vocabulary}
        for place, words in smaller.items():
            if words > (most := self.text.vocabulary):
                raise ValueError(f"{place}.vocabulary: {words} words are more than text.vocabulary, {most}")
        known_names("dpfedavg.run", self.dpfedavg.run, set(self.dpfedavg.variants))
        known_names("general.corpora", self.general.corpora, set(self.sources))
        known_names("private.corpus", [self.private.corpus], set(self.sources))
        return self


def experiment(config: Mapping[str, Any]) -> Experiment:
    """Validate a configuration as YAML gives it; sweeps become variants, each scenario inherits `federation`.

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
    return resolved(validated(Experiment, whole))


def resolved(e: Experiment) -> Experiment:
    """Replace `auto` by what this machine has; decided once, when the workflow is planned, so all jobs agree."""
    cuda = Path("/proc/driver/nvidia/version").exists()
    device = e.device if e.device != "auto" else ("cuda" if cuda else "cpu")
    precision = e.precision
    if precision == "auto":
        cpuinfo = Path("/proc/cpuinfo")
        flags = cpuinfo.read_text() if cpuinfo.exists() else ""
        fast = device == "cuda" or "avx512_bf16" in flags or "amx_bf16" in flags
        precision = "bfloat16" if fast else "float32"
    return e.model_copy(update={"device": device, "precision": precision})
