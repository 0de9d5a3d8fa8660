"""Sizes of the language model. Apart from the model itself, so that planning a workflow does not import torch."""

from typing import Literal

from pydantic import Field

from privatune.core.settings import Settings


class LstmSettings(Settings):
    """The LSTM language model of Zaremba et al. (2014)."""

    layers: int = Field(2, ge=1, le=8, description="LSTM layers.")
    hidden: int = Field(256, ge=8, le=8192, description="Units of a layer, and of a word's embedding.")
    tied: bool = Field(True, description="Whether the output layer uses the embedding's weights.")


class NumericsSettings(Settings):
    """How matrix products are computed; both values are resolved when the workflow is planned."""

    device: Literal["cpu", "cuda"] = Field("cpu", description="Where a model is trained.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Of activations and products; weights are always float32."
    )
    threads: int = Field(
        1, ge=1, le=256, description="Threads of one product; part of the result, since sums round in their order."
    )
