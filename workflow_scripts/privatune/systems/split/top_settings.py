"""Settings of the vendor's part. They are separate from the code so that planning does not import torch."""

from typing import Annotated

from pydantic import Field

from privatune.core.settings import Settings
from privatune.models.classifier_settings import BlocksScope, LoraScope

TopScope = Annotated[BlocksScope | LoraScope, Field(discriminator="name")]


class SplitTopSettings(Settings):
    """How the vendor fine-tunes its part of the encoder, with a linear head: by AdamW, without clip and noise."""

    scope: TopScope = Field(
        default_factory=lambda: LoraScope(count=1),
        description="What the vendor trains in its last blocks. A `count` above the number of its blocks, or null, "
        "means all of them; what its other blocks compute is computed once.",
    )
    steps: int = Field(34, ge=1, le=1_000_000, description="Number of steps.")
    batch: int = Field(
        48, ge=1, le=1_000_000, description="Expected minibatch size: each example is drawn with the same probability."
    )
    rate: float = Field(4e-3, gt=0, le=10, description="Learning rate of the first step; it falls linearly.")
