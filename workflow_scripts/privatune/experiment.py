"""The whole configuration: every floor's settings, assembled, validated, and resolved for this machine."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from privatune.core.settings import Settings
from privatune.core.validation import validated
from privatune.corpora.catalog import SourceName, SourceSettings
from privatune.corpora.cleaning import CleaningSettings
from privatune.corpora.split import PrivateSettings
from privatune.evaluation.settings import EvaluationSettings
from privatune.federation.methods import Choice, MethodSettings, choices
from privatune.federation.private_settings import PrivateTrainingSettings, VariantSettings
from privatune.federation.settings import ClientSettings, CohortSettings, ScenarioSettings
from privatune.models.settings import LstmSettings, ModelSettings
from privatune.privacy.settings import AccountingSettings, AuditSettings, TailSettings
from privatune.text.settings import TextSettings
from privatune.training.settings import PretrainSettings

INITIAL = "initial"  # the general model as it is, before any round


class GeneralSettings(Settings):
    """Text that anyone may read."""

    corpora: list[str] = Field(min_length=1, description="Entries of `sources:` in the order in which they are read.")


class ExecutionSettings(Settings):
    """How work is cut into jobs; nothing here changes a result but `pretrain_threads`."""

    clients_per_job: int = Field(5, ge=1, description="Clients that one job fine-tunes, one after the other.")
    rounds_per_job: int = Field(
        1, ge=1, description="1: a round fans out into jobs of clients; more: one job runs that many whole rounds."
    )
    private_slots: int = Field(
        0,
        ge=0,
        description="Jobs that a round of `dpfedavg` fans out into, each with a part of the cohort; 0: one job runs "
        "all rounds of a variant, and no unnoised sum is ever written.",
    )
    pretrain_threads: int = Field(
        2, ge=1, le=256, description="Threads of pretraining. Sums round in their order, so it decides the last bits."
    )


class ReportSettings(Settings):
    """What is evaluated and measured for the tables."""

    rounds: list[int] = Field([1, 4], description="Rounds whose models are kept and evaluated, beside the last one.")
    keep_every: int = Field(
        10, ge=1, description="The model of every round with this divisor is kept too; all others are temporary."
    )
    cost_scenarios: list[str] = Field([], description="Scenarios whose clients' cost is measured.")
    cost_clients: int = Field(3, ge=1, description="Clients that run alone, to measure a device's seconds and memory.")
    paper: dict[str, dict[int, str]] = Field(
        {}, description="Rows of report/popov-2018.csv that stand beside ours: scenario, round, row."
    )


class PlanSettings(Settings):
    """What the target `plan` looks ahead to: this experiment, and DP-FedAvg at a scale that is not run here."""

    targets: list[str] = Field(["all"], min_length=1, description="Targets whose jobs are planned together.")
    costs: str | None = Field(
        None,
        description="Measured costs for stages that this experiment has not run yet, a `costs.json` of another output "
        "folder; null: those of the default experiment, config/costs.json.",
    )
    population: int = Field(10_000_000, ge=2, description="N: persons who may be drawn; delta is N^-1.1.")
    cohort: int = Field(20_000, ge=1, description="M: persons of a round.")
    rounds: int = Field(2000, ge=1, description="T.")
    noise_multiplier: float = Field(
        0.8,
        gt=0,
        le=1000,
        description="z: standard deviation of the noise on the sum of clipped updates, over the clip.",
    )
    words: int | None = Field(
        None, ge=1, description="Words that a device trains on in a round; null: as a person here has."
    )
    device_speed: float = Field(
        1.0, gt=0, le=1000, description="Speed of a device, where a core of the measured machine has 1."
    )

    @model_validator(mode="after")
    def _the_cohort_is_drawn_from_the_population(self) -> Self:
        if self.cohort > self.population:
            raise ValueError(
                f"cohort: {self.cohort} persons a round are more than a population of {self.population}; lower it"
            )
        return self


class PopovSettings(Settings):
    """What the target `popov` runs beside the main job: the tables and figure 2 of Popov et al. (2018)."""

    seeds: list[Annotated[int, Field(ge=0)]] = Field(
        [0, 1, 2], min_length=1, description="Replicates: each draws its own devices."
    )
    scenarios: list[str] = Field(
        [], description="Scenarios that run under each of these seeds, in the order of the rows."
    )
    rounds: list[Annotated[int, Field(ge=1)]] = Field(
        [1, 4],
        min_length=1,
        description="Rounds that are evaluated under each of these seeds; a scenario of fewer rounds ends earlier. "
        "Those that `report.rounds` lists too are shared with the main job.",
    )


class CompressionSettings(Settings):
    """Of the targets `compression` and `compression_full`: ways of training on the same text, and what they send."""

    model: ModelSettings = Field(
        default_factory=lambda: LstmSettings(layers=1, hidden=64), description="One model for all, made for this."
    )
    vocabulary: int = Field(2000, ge=10, le=1_000_000, description="Its words: the most frequent of the vocabulary.")
    pretrain: PretrainSettings = Field(default_factory=PretrainSettings, description="Of the model before it is sent.")
    client: ClientSettings = Field(
        default_factory=ClientSettings, description="What a device reads; its rate is replaced by the method's."
    )
    cohort: CohortSettings = Field(
        default_factory=CohortSettings, description="Devices at a time, and rounds of averaging, which set the text."
    )
    seeds: list[Annotated[int, Field(ge=0)]] = Field(
        [0, 1, 2], min_length=1, description="Replicates: each draws its own persons, the same for every method."
    )
    shares: list[Annotated[float, Field(gt=0, le=1)]] = Field(
        [0.0625, 0.125, 0.25, 0.5, 1.0], min_length=1, description="Of the training, ascending: where it is measured."
    )
    final_rate: float = Field(
        0.1, gt=0, le=1, description="The last step's or round's rate, as a share of the first; it falls on a line."
    )
    tuning_rounds: int = Field(
        5, ge=1, le=100_000, description="Rounds, and the text of as many, of the shorter training that tunes a method."
    )
    evaluation: EvaluationSettings = Field(default_factory=EvaluationSettings, description="Samples of text.")
    methods: dict[str, MethodSettings] = Field({}, description="Ways of training by name.")
    run: list[str] = Field([], description="Methods of the target `compression`; the first is compared with the rest.")
    full: list[str] = Field([], description="Methods of the target `compression_full`, the same first.")

    @model_validator(mode="after")
    def _methods_are_compared_fairly(self) -> Self:
        for key, names in (("compression.run", self.run), ("compression.full", self.full)):
            _known(key, names, set(self.methods))
            sizes = {name: len(self.methods[name].points()) for name in names}
            if len(set(sizes.values())) > 1:
                raise ValueError(
                    f"{key}: grids of unequal size, {sizes}; give every method as many points (learning_rates times "
                    "values of parameter), or tuning favours some"
                )
        if self.client.objective == "lwf":
            raise ValueError(
                "compression.client.objective: lwf has no gradient of its own here; take plain or rehearsal"
            )
        if self.shares != sorted(set(self.shares)) or self.shares[-1] != 1:
            raise ValueError("compression.shares: must ascend and end with 1, the end of training")
        return self

    def choices(self, method: str) -> list[Choice]:
        """A method at every point of its grid, as it is tuned."""
        cohort = self.cohort.model_copy(update={"rounds": self.tuning_rounds})
        return choices(self.methods[method], self.client, cohort, self.final_rate)


class DpFedAvgSettings(Settings):
    """Of the target `dpfedavg`: user-level differential privacy (Ramaswamy et al. 2020)."""

    accounting: AccountingSettings = Field(
        default_factory=AccountingSettings, description="Epsilon by population, at the paper's scale."
    )
    training: PrivateTrainingSettings = Field(
        default_factory=PrivateTrainingSettings, description="What all variants share."
    )
    ngram_order: int = Field(3, ge=2, le=6, description="Words of the longest n-grams of the baselines.")
    run: list[str] = Field([], description="Variants that the target makes, in the order of the rows.")
    variants: dict[str, VariantSettings] = Field({}, description="Ways of training by name.")
    seeds: list[Annotated[int, Field(ge=0)]] = Field([0], min_length=1, description="Replicates.")
    evaluation: EvaluationSettings = Field(default_factory=EvaluationSettings, description="Samples of text.")
    audit: AuditSettings = Field(default_factory=AuditSettings, description="Of each variant with noise.")


class Experiment(Settings):
    """One experiment, as config/config.yaml states it."""

    output: str = Field("results", description="Folder of all that is generated.")
    run: list[str] = Field(min_length=1, description="Scenarios that `all` makes; `initial` is the general model.")
    seed: int = Field(0, ge=0, description="Of splits, samples, initial weights and pretraining.")
    seeds: list[int] = Field([0], min_length=1, description="Replicates of every scenario: each draws its own cohorts.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where models train; auto: CUDA when present.")
    precision: Literal["auto", "bfloat16", "float32"] = Field(
        "auto", description="Of products in training; auto: bfloat16 where the processor computes in it."
    )
    sources: dict[SourceName, SourceSettings] = Field(description="Corpora by name, and where each comes from.")
    general: GeneralSettings = Field(description="Text that anyone may read.")
    private: PrivateSettings = Field(description="Text that stays with the persons who wrote it.")
    cleaning: CleaningSettings = Field(default_factory=CleaningSettings, description="What private text loses.")
    text: TextSettings = Field(default_factory=TextSettings, description="What counts as a word.")
    model: ModelSettings = Field(default_factory=LstmSettings, description="The language model.")
    pretrain: PretrainSettings = Field(default_factory=PretrainSettings, description="Of the general model.")
    federation: ScenarioSettings = Field(
        default_factory=ScenarioSettings, description="Fine-tuning: what every scenario starts from."
    )
    scenarios: dict[str, ScenarioSettings] = Field(
        description="Scenarios by name: each says only in what it differs from `federation`."
    )
    evaluation: EvaluationSettings = Field(default_factory=EvaluationSettings, description="Samples of text.")
    tail: TailSettings = Field(default_factory=TailSettings, description="Privacy, measured; not part of `all`.")
    report: ReportSettings = Field(default_factory=ReportSettings, description="What the tables are made of.")
    popov: PopovSettings = Field(default_factory=PopovSettings, description="Of the target `popov`.")
    compression: CompressionSettings = Field(
        default_factory=CompressionSettings, description="Of the targets `compression` and `compression_full`."
    )
    dpfedavg: DpFedAvgSettings = Field(default_factory=DpFedAvgSettings, description="Of the target `dpfedavg`.")
    plan: PlanSettings = Field(default_factory=PlanSettings, description="Of the target `plan`.")
    execution: ExecutionSettings = Field(default_factory=ExecutionSettings, description="How work is cut into jobs.")

    @model_validator(mode="after")
    def _names_are_known(self) -> Self:
        _known("run", self.run, {INITIAL, *self.scenarios})
        _known("report.cost_scenarios", self.report.cost_scenarios, set(self.scenarios))
        _known("tail.scenario", [self.tail.scenario], set(self.scenarios))
        measured = self.scenarios[self.tail.scenario]
        if measured.server.method != "average" or not measured.codec.single_updates:
            raise ValueError(
                f"tail.scenario: the server of {self.tail.scenario} does not average single updates "
                f"({measured.server.method}, {measured.codec.name}); name another"
            )
        _known("report.paper", list(self.report.paper), {INITIAL, *self.scenarios})
        _known("popov.scenarios", self.popov.scenarios, {INITIAL, *self.scenarios})
        if self.compression.vocabulary > self.text.vocabulary:
            raise ValueError(
                f"compression.vocabulary: {self.compression.vocabulary} words are more than text.vocabulary has, "
                f"{self.text.vocabulary}"
            )
        _known("dpfedavg.run", self.dpfedavg.run, set(self.dpfedavg.variants))
        _known("general.corpora", self.general.corpora, set(self.sources))
        _known("private.corpus", [self.private.corpus], set(self.sources))
        return self


def _known(key: str, names: list[str], known: set[str]) -> None:
    unknown = [name for name in names if name not in known]
    if unknown:
        raise ValueError(f"{key}: {', '.join(unknown)} is not defined; known are {', '.join(sorted(known))}")


def experiment(config: Mapping[str, Any]) -> Experiment:
    """Validate a configuration as YAML gives it; each scenario inherits `federation`.

    Raises:
        PrivatuneError: one line with every unknown key, wrong value or name, and what is right.
    """
    whole = dict(config)
    base, scenarios = whole.get("federation") or {}, whole.get("scenarios") or {}
    if isinstance(base, Mapping) and isinstance(scenarios, Mapping):
        validated(ScenarioSettings, base, at="federation")  # first, or each scenario repeats what is wrong here
        whole["scenarios"] = {name: merged(base, overrides or {}) for name, overrides in scenarios.items()}
    return resolved(validated(Experiment, whole))


def merged(base: Any, overrides: Any) -> Any:
    """`base` with `overrides` laid over it; mappings merge deeply, all else is replaced.

    >>> merged({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}})
    {'a': {'b': 3, 'c': 2}}
    """
    if not (isinstance(base, Mapping) and isinstance(overrides, Mapping)):
        return overrides
    return {**base, **{key: merged(base.get(key), value) for key, value in overrides.items()}}


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
