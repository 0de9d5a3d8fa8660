"""Sizes of the language model. Apart from the model itself, so that planning a workflow does not import torch."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, TypeAdapter

from privatune.core.settings import Settings


class LstmSettings(Settings):
    """The LSTM language model of Zaremba et al. (2014)."""

    kind: Literal["lstm"] = Field("lstm", description="What its layers are.")
    layers: int = Field(2, ge=1, le=8, description="LSTM layers.")
    hidden: int = Field(256, ge=8, le=8192, description="Units of a layer, and of a word's embedding.")
    tied: bool = Field(True, description="Whether the output layer uses the embedding's weights.")


class CifgSettings(Settings):
    """The CIFG-LSTM language model of Ramaswamy et al. (2020); its sizes there are recalled, not read."""

    kind: Literal["cifg"] = Field(description="An LSTM whose input gate is 1 - its forget gate, with a projection.")
    layers: int = Field(1, ge=1, le=8, description="CIFG-LSTM layers.")
    hidden: int = Field(670, ge=8, le=8192, description="Units of a layer.")
    projection: int = Field(
        96, ge=8, le=8192, description="Width to which units are projected, and of a word's embedding."
    )
    tied: Literal[True] = Field(True, description="The output layer always uses the embedding's weights.")


def _lstm_unless_named(values: Any) -> Any:
    return {"kind": "lstm", **values} if isinstance(values, Mapping) else values


ModelSettings = Annotated[
    Annotated[LstmSettings | CifgSettings, Field(discriminator="kind")], BeforeValidator(_lstm_unless_named)
]
"""A language model of either kind; an LSTM where no kind is named."""


def model_settings(values: Mapping[str, Any]) -> LstmSettings | CifgSettings:
    """Settings of the kind that `values` name."""
    return TypeAdapter(ModelSettings).validate_python(values)


class NumericsSettings(Settings):
    """How matrix products are computed; both values are resolved when the workflow is planned."""

    device: Literal["cpu", "cuda"] = Field("cpu", description="Where a model is trained.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Of activations and products; weights are always float32."
    )
    threads: int = Field(
        1, ge=1, le=256, description="Threads of one product; part of the result, since sums round in their order."
    )
