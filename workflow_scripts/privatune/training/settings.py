"""Settings of training by gradient descent. They have a module of their own, so that planning does not import torch."""

from typing import Annotated

from pydantic import Field

from privatune.core.settings import Settings

Batch = Annotated[
    int, Field(ge=1, le=4096, description="Minibatch size: number of rows of text that are read side by side.")
]
Bptt = Annotated[
    int, Field(ge=1, le=1000, description="Truncated BPTT length: words that the gradient flows back through.")
]
Rate = Annotated[
    float,
    Field(
        gt=0,
        le=100,
        description="Learning rate of SGD, for the loss summed over `bptt` words and averaged over the minibatch.",
    ),
]
Clip = Annotated[float, Field(gt=0, le=1000, description="Gradient clip: the largest L2 norm of a step's gradient.")]
Dropout = Annotated[float, Field(ge=0, lt=1, description="Dropout: the share of a layer's inputs that is dropped.")]
Epochs = Annotated[int, Field(ge=1, le=1000, description="Epochs: passes over the text.")]


class TrainingSettings(Settings):
    """SGD with truncated backpropagation through time."""

    minibatch: Batch = 10
    bptt: Bptt = 20
    learning_rate: Rate = 0.75
    clip: Clip = 5.0


class PretrainSettings(TrainingSettings):
    """SGD as in Zaremba et al. (2014): a constant rate, then a geometric decay."""

    minibatch: Batch = 20
    bptt: Bptt = 35
    learning_rate: Rate = 1.0
    dropout: Dropout = 0.2
    epochs: float = Field(1.0, gt=0, le=1000, description="Epochs: passes over the general training text.")
    constant_share: float = Field(
        0.6, ge=0, le=1, description="Share of the steps at the full learning rate; after them it falls geometrically."
    )
    final_rate: float = Field(
        0.05, gt=0, le=1, description="Learning rate of the last step, as a share of `learning_rate`."
    )
    checkpoint_steps: int = Field(
        500, ge=1, description="Number of steps between checkpoints, from which a stopped job continues."
    )
    validation_steps: int = Field(500, ge=1, description="Number of steps between validations.")
    validation_tokens: int = Field(
        20000, ge=2, description="Number of words of general validation text that each validation reads."
    )
