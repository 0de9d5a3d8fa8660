"""Settings of federated fine-tuning. They have a module of their own, so that planning does not import torch."""

from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from privatune.compression.settings import CodecSettings, DenseSettings
from privatune.core.settings import CohortSettings, Settings
from privatune.training.settings import Dropout, Epochs, TrainingSettings

INITIAL = "initial"  # in place of a scenario: the general model as it is, before any round


class ObjectiveFacts(NamedTuple):
    """What other modules must know about an objective, whose own module is in federation/objectives/."""

    sends_text: bool = False  # general text is sent with the model
    teaches: bool = False  # the model that arrived predicts, too, as a teacher
    has_share: bool = True  # `user_share` has a meaning


OBJECTIVES = {
    "plain": ObjectiveFacts(has_share=False),
    "rehearsal": ObjectiveFacts(sends_text=True),
    "lwf": ObjectiveFacts(teaches=True),
}


class ClientSettings(TrainingSettings):
    """What a person's device does in a round (Popov et al. 2018, section 2)."""

    objective: Literal["plain", "rehearsal", "lwf"] = Field(
        "rehearsal",
        description="What a client trains on. plain: the person's text alone; rehearsal: that text mixed with "
        "general text; lwf (learning without forgetting): that text and the predictions of the model "
        "that arrived.",
    )
    user_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="User share lambda: the share of the person's own text (rehearsal) or the weight of the hard "
        "targets (lwf). With 0, rehearsal is a control: it trains on general text alone, as many "
        "words as `control_share` would give.",
    )
    control_share: float = Field(
        0.5, gt=0, le=1, description="User share whose number of words a control (`user_share: 0`) trains on."
    )
    epochs: Epochs = 1
    dropout: Dropout = 0.0

    @property
    def facts(self) -> ObjectiveFacts:
        """The facts about the chosen objective."""
        return OBJECTIVES[self.objective]

    @property
    def effective_share(self) -> float:
        """The user share of training, which is 1 for an objective without one, whatever `user_share` says."""
        return self.user_share if self.facts.has_share else 1.0


class PooledCohortSettings(CohortSettings):
    """Who takes part: `size` devices per round, each with the text of one person or of several.

    Every person takes part once before anyone does so again.
    """

    persons_per_device: int = Field(
        1,
        ge=1,
        description="Number of persons whose pooled text one device holds.",
    )

    @property
    def alone(self) -> bool:
        """Whether there is one device in one round, so that nothing is averaged and no round follows."""
        return self.size == self.rounds == 1


class AverageSettings(Settings):
    """Federated averaging: the unweighted mean of the updates."""

    method: Literal["average"] = Field(
        "average", description="How the server joins updates. average: by their unweighted mean."
    )


class DistillSettings(TrainingSettings):
    """Distillation (Popov et al. 2018): the round's model learns the mean distribution of the clients' models."""

    method: Literal["distill"] = Field(
        "distill",
        description="How the server joins updates. distill: the model learns the mean distribution of the "
        "clients' models.",
    )
    text: Literal["real", "generated"] = Field(
        "generated",
        description="Text on which the model is distilled. real: drawn from the general training text; "
        "generated: written by the round's model.",
    )
    tokens: int = Field(5000, ge=2, description="Number of words of that text.")
    epochs: Epochs = 5
    cycles: int = Field(
        1,
        ge=1,
        le=1000,
        description="How many times a new text is drawn or generated, evenly spread over the epochs.",
    )


class SgdSettings(Settings):
    """The mean update times a learning rate."""

    name: Literal["sgd"] = Field(
        "sgd", description="Server optimiser. sgd: add the mean update times the learning rate."
    )
    learning_rate: float = Field(
        1.0, gt=0, le=100, description="Learning rate of the server; with 1 the server averages."
    )


class NesterovSettings(Settings):
    """Nesterov momentum on mean updates (Ramaswamy et al. 2020)."""

    name: Literal["nesterov"] = Field(
        description="Server optimiser. nesterov: momentum with a look-ahead, applied to the mean updates."
    )
    learning_rate: float = Field(1.0, gt=0, le=100, description="Learning rate of the server.")
    momentum: float = Field(
        0.9, ge=0, lt=1, description="Momentum: the share of the velocity that is kept from round to round."
    )


class AdamSettings(Settings):
    """Adam on mean updates (Reddi et al. 2021)."""

    name: Literal["adam"] = Field(description="Server optimiser. adam: every weight has a step size of its own.")
    learning_rate: float = Field(0.001, gt=0, le=100, description="Learning rate of the server.")
    beta1: float = Field(
        0.9,
        ge=0,
        lt=1,
        description="Decay of the first moment: the share of the mean that is kept from round to round.",
    )
    beta2: float = Field(
        0.999,
        ge=0,
        lt=1,
        description="Decay of the second moment: the share of the mean square that is kept from round to round.",
    )
    epsilon: float = Field(
        1e-3,
        gt=0,
        le=1,
        description="Adam's epsilon, which is added to the root of the mean square and so bounds a step.",
    )


OptimiserSettings = Annotated[SgdSettings | NesterovSettings | AdamSettings, Field(discriminator="name")]
ServerSettings = Annotated[AverageSettings | DistillSettings, Field(discriminator="method")]


class ScenarioSettings(Settings):
    """One way of fine-tuning: what `federation:` says, with the overrides of one of the `scenarios:`."""

    client: ClientSettings = Field(
        default_factory=ClientSettings,
        description="What a client does in a round.",
    )
    cohort: PooledCohortSettings = Field(
        default_factory=PooledCohortSettings,
        description="Who takes part in a round.",
    )
    codec: CodecSettings = Field(
        default_factory=DenseSettings,
        description="How a client encodes its update.",
    )
    server: ServerSettings = Field(
        default_factory=AverageSettings,
        description="How the server turns updates into a model.",
    )

    @property
    def averages_single_persons(self) -> bool:
        """Whether the server averages updates that it can tell apart and that each come from one person."""
        return self.server.method == "average" and self.codec.single_updates and self.cohort.persons_per_device == 1

    @model_validator(mode="after")
    def _the_server_can_read_the_codec(self) -> Self:
        if self.server.method == "distill" and not self.codec.single_updates:
            raise ValueError(
                f"codec.name: {self.codec.name} does not let the server see each client's update, which "
                "distillation needs; choose another codec, or `server.method: average`"
            )
        return self
