"""Settings of the target `dpcompress`. They are separate from the code so that planning imports no torch."""

from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from privatune.core.settings import Distinct, Name, Names, Section, Seeds, Settings, known_names
from privatune.export.classifiers.settings import ExportSettings
from privatune.models.settings import NumericsSettings
from privatune.privacy.settings import PrivacyOfExamples

NONE = "none"  # the folder of classifiers that are trained without clip and noise

Blocks = Annotated[list[Annotated[int, Field(ge=0, le=1000)]], Field(min_length=1), Distinct]
Steps = Annotated[int, Field(ge=1, le=1_000_000)]
Share = Annotated[float, Field(gt=0, lt=1)]
KEPT = "Blocks of the encoder that the model keeps, from 0; null: all of them."


class _Method(Settings):
    """What all ways of training have in common."""

    rate: float | None = Field(
        None, gt=0, le=1e4, description="Learning rate, with noise and without. null: those of `dpcompress.train`."
    )
    twin: bool = Field(True, description="Whether it is also trained without clip and noise.")


class ProbeSettings(_Method):
    """A head on the vectors of the published encoder, by gradient descent on all examples."""

    kind: Literal["probe"] = Field("probe", description="How the model is made: only a head is trained.")
    steps: Steps = Field(100, description="Number of steps.")
    rate: float = Field(3.0, gt=0, le=1e4, description="Learning rate of every step.")


class FineTuneSettings(_Method):
    """One training of some blocks, which may begin at random weights or with some weights removed."""

    kind: Literal["fine-tune"] = Field("fine-tune", description="How the model is made: by one training.")
    blocks: Blocks | None = Field(None, description=KEPT)
    start: Literal["pretrained", "random"] = Field(
        "pretrained", description="Weights with which the trained blocks start: published ones, or random ones."
    )
    mask: Literal["none", "public", "random"] = Field(
        "none",
        description="Which weights of the trained matrices are removed before the training: `public`: the smallest of "
        "the published weights. `random`: as many of each matrix, drawn at random.",
    )
    sparsity: Share = Field(0.5, description="Share of the weights of the trained matrices that a mask removes.")


class DistilSettings(_Method):
    """DPKD: a teacher is trained privately, and then a student with fewer blocks, on the same private text."""

    kind: Literal["distil"] = Field("distil", description="How the model is made: by a private teacher.")
    blocks: Blocks = Field(description="Blocks of the encoder that the student keeps, from 0.")
    teacher_share: Share = Field(0.5, description="Share of the privacy budget that the teacher gets.")
    teacher_steps: Steps | None = Field(None, description="Steps of the teacher. null: those of `dpcompress.train`.")
    weight: float = Field(
        0.4, ge=0, le=1, description="Weight lambda of the teacher's prediction in the loss; the label has the rest."
    )
    temperature: float = Field(1.0, gt=0, le=100, description="Temperature T of both predictions.")


class DistilPublicSettings(_Method):
    """A student learns from a finished private model on public text, which costs no privacy."""

    kind: Literal["distil-public"] = Field("distil-public", description="How the model is made: on public text.")
    blocks: Blocks = Field(description="Blocks of the encoder that the student keeps, from 0.")
    teacher: Name = Field(description="Method of the kind `fine-tune` whose models are the teachers.")
    steps: Steps | None = Field(None, description="Steps of the student. null: those of `dpcompress.train`.")
    temperature: float = Field(1.0, gt=0, le=100, description="Temperature T of both predictions.")


class StageSettings(Settings):
    """The blocks that are left in one stage, and how long they are trained."""

    blocks: Blocks | None = Field(None, description=KEPT)
    steps: Steps = Field(description="Number of steps.")


class DropSettings(_Method):
    """Structured DPIMP: blocks are removed between private trainings, each of which goes on from the survivors."""

    kind: Literal["drop"] = Field("drop", description="How the model is made: blocks are removed step by step.")
    stages: list[StageSettings] = Field(
        min_length=2, description="The trainings in their order. The budget is divided by their steps."
    )

    @model_validator(mode="after")
    def _blocks_only_go(self) -> Self:
        for before, after in zip(self.stages, self.stages[1:], strict=False):
            if after.blocks is None or not (before.blocks is None or set(after.blocks) < set(before.blocks)):
                raise ValueError("stages: each stage must keep fewer of the blocks of the one before it; change them")
        return self


class PruneSettings(_Method):
    """Unstructured DPIMP: train, remove the smallest weights, rewind the others, and begin again."""

    kind: Literal["prune"] = Field("prune", description="How the model is made: weights are removed step by step.")
    sparsity: Share = Field(0.5, description="Share of the weights of the trained matrices that are removed in all.")
    prunings: int = Field(2, ge=1, le=100, description="Trainings after each of which a share of the rest is removed.")
    pruning_steps: Steps = Field(15, description="Number of steps of each such training.")
    pruning_share: Share = Field(0.3, description="Share of the privacy budget that all of them together get.")


MethodSettings = Annotated[
    ProbeSettings | FineTuneSettings | DistilSettings | DistilPublicSettings | DropSettings | PruneSettings,
    Field(discriminator="kind"),
]


class TrainSettings(Settings):
    """How a private training is made, by AdamW on gradients that are clipped by example."""

    blocks: int | None = Field(
        2,
        ge=1,
        le=1000,
        description="Number of the last of its blocks that a model trains; what those below compute is computed once. "
        "null: the whole encoder is trained, with its embeddings.",
    )
    steps: Steps = Field(30, description="Number of steps T of a training.")
    batch: int = Field(
        192, ge=1, description="Expected minibatch size B: each example is drawn with the probability B / n."
    )
    rate: float = Field(0.015, gt=0, le=1e4, description="Learning rate of the first noised step; it falls linearly.")
    plain_rate: float = Field(
        0.002, gt=0, le=1e4, description="The same for a training without noise: of a twin, or on public text."
    )
    clip: float = Field(1.0, gt=0, le=1e6, description="Clip C: largest L2 norm of an example's gradient.")
    factors: Annotated[list[Annotated[float, Field(gt=0, le=1e6)]], Distinct] = Field(
        [1.0],
        min_length=1,
        description="Factors of each method's learning rates, of which the best on the validation part is taken, "
        "outside the privacy budget. With one factor nothing is tried.",
    )
    tuning_seed: int = Field(1000, ge=0, description="Seed of the trainings that tune; choose none of the `seeds`.")


class CurveSettings(Settings):
    """Epsilons besides the target, for the figure of accuracy by epsilon."""

    epsilons: Annotated[list[Annotated[float, Field(gt=0, le=1e4)]], Distinct] = Field(
        [], description="Further target epsilons."
    )
    methods: Names = Field([], description="Methods of `dpcompress.run` that are also trained at these.")


class Trained(NamedTuple):
    """A method at one level: the epsilon of its folder, or none."""

    method: str
    level: str


class DpCompressSettings(Section):
    """Of the target `dpcompress`: private model compression (Mireshghallah et al. 2022)."""

    encoder: Name = Field("minilm", description="Entry of `encoders:` that is compressed, of a type that can be cut.")
    set: Name = Field(description="Entry of `sentences:` with the private sentences and their labels.")
    public: Name = Field(description="Entry of `sentences:` with public text, on which `distil-public` distils.")
    epsilon: float = Field(
        4.25, gt=0, le=1e4, description="Target epsilon of each method, over all of its private trainings together."
    )
    curve: CurveSettings = Field(default_factory=CurveSettings, description="Epsilons besides the target.")
    privacy: PrivacyOfExamples = Field(
        default_factory=PrivacyOfExamples, description="What all epsilons have in common."
    )
    train: TrainSettings = Field(default_factory=TrainSettings, description="How a private training is made.")
    run: Names = Field(min_length=1, description="Methods that the target trains, in the order of the rows.")
    methods: dict[Name, MethodSettings] = Field(description="Ways of making a classifier, by name.")
    exported: Names = Field([], description="Methods whose model is exported and measured.")
    export: ExportSettings = Field(default_factory=ExportSettings, description="How exported models are measured.")
    seeds: Seeds = Field([0, 1, 2], min_length=1, description="Seeds of the replicates.")

    @property
    def target(self) -> str:
        """The folder of the target epsilon."""
        return f"{self.epsilon:g}"

    def trained(self) -> list[Trained]:
        """Return every method at every level, in the order of the rows."""
        return [Trained(method, level) for method in self.run for level in self.levels(method)]

    def levels(self, method: str) -> list[str]:
        """Return the folders of a method: `none` if it has a twin without noise, and one per epsilon."""
        more = self.curve.epsilons if method in self.curve.methods else []
        private = [f"{epsilon:g}" for epsilon in dict.fromkeys([self.epsilon, *more])]
        return [NONE, *private] if self.methods[method].twin else private

    def teaches(self, method: str) -> bool:
        """Whether the models of a method are teachers of another method that is run."""
        return any(getattr(self.methods[name], "teacher", None) == method for name in self.run)

    def check(self, whole: Any) -> None:
        """Raise ValueError if an encoder, a set or a method is not defined or does not fit; see `Section.check`."""
        known_names("dpcompress.encoder", [self.encoder], set(whole.encoders))
        known_names("dpcompress.set", [self.set], set(whole.sentences))
        known_names("dpcompress.public", [self.public], set(whole.sentences))
        if whole.sentences[self.set].source == whole.sentences[self.public].source:
            raise ValueError("dpcompress.public: it is the private text itself; choose a set of another source")
        known_names("dpcompress.run", self.run, set(self.methods))
        known_names("dpcompress.curve.methods", self.curve.methods, set(self.run))
        known_names("dpcompress.exported", self.exported, set(self.run))
        for name in self.run:
            self._check_teacher(name)
        if whole.sentences[self.set].shots and self.privacy.adjacency == "zero out one":
            raise ValueError(
                f"dpcompress.privacy.adjacency: with `sentences.{self.set}.shots`, removing one sentence lets another "
                "in; take `replace one`, which covers it"
            )

    def _check_teacher(self, name: str) -> None:
        method = self.methods[name]
        if not isinstance(method, DistilPublicSettings):
            return
        able = {other for other in self.run if isinstance(self.methods[other], FineTuneSettings)}
        known_names(f"dpcompress.methods.{name}.teacher", [method.teacher], able)
        if missing := [level for level in self.levels(name) if level not in self.levels(method.teacher)]:
            raise ValueError(
                f"dpcompress.methods.{name}: its teacher {method.teacher} is not trained at {', '.join(missing)}; list "
                "it in `dpcompress.curve.methods`, or give it a `twin`"
            )


class CompressJobSettings(Settings):
    """What a job that makes the classifiers of one method at one level uses."""

    set: str = Field(description="Name of the set of sentences.")
    method: str = Field(description="Name of the method.")
    settings: MethodSettings = Field(description="Settings of the method.")
    teacher: MethodSettings | None = Field(
        description="Settings of the method whose finished models teach this one; null: none."
    )
    epsilon: float | None = Field(description="Target epsilon; null: neither clip nor noise.")
    privacy: PrivacyOfExamples = Field(description="What all epsilons have in common.")
    train: TrainSettings = Field(description="How a private training is made.")
    seeds: Seeds = Field(description="Seeds of the replicates.")
    teaches: bool = Field(description="Whether the models of all seeds are kept, for a method that learns from them.")
    secrets: str | None = Field(description="Folder of secret releases; null: seeds are public.")
    seed: int = Field(description="Seed of the split and of the resamples of the test part.")
    numerics: NumericsSettings = Field(description="How the job computes.")
