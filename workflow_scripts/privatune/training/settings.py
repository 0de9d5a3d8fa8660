"""Settings of pretraining. Apart from the loop, so that planning a workflow does not import torch."""

from pydantic import Field

from privatune.core.settings import Settings


class PretrainSettings(Settings):
    """SGD as in Zaremba et al. (2014): a constant rate, then a geometric decay."""

    epochs: float = Field(1.0, gt=0, le=1000, description="Passes over the general training text.")
    batch: int = Field(20, ge=1, le=4096, description="Rows of text read side by side.")
    bptt: int = Field(35, ge=1, le=1000, description="Words that the gradient goes back.")
    learning_rate: float = Field(
        1.0, gt=0, le=100, description="Of SGD, on the loss summed over a window and averaged over the batch."
    )
    clip: float = Field(5.0, gt=0, le=1000, description="Largest L2 norm of a step's gradient.")
    dropout: float = Field(0.2, ge=0, lt=1, description="Share of a layer's inputs that is dropped.")
    constant_share: float = Field(
        0.6, ge=0, le=1, description="Share of the steps at the full rate; from there it falls geometrically."
    )
    final_rate: float = Field(0.05, gt=0, le=1, description="The last step's rate, as a share of `learning_rate`.")
    checkpoint_steps: int = Field(500, ge=1, description="Steps between checkpoints, from which a stopped job goes on.")
    validation_steps: int = Field(500, ge=1, description="Steps between validations.")
    validation_tokens: int = Field(20000, ge=1, description="Words of general validation text that each one reads.")
