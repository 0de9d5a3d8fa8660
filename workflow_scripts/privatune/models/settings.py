"""Settings of the language models. They are separate from the code so that planning does not import torch."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, TypeAdapter

from privatune.core.settings import Settings


class LstmSettings(Settings):
    """The LSTM language model of Zaremba et al. (2014)."""

    kind: Literal["lstm"] = Field("lstm", description="Kind of the layers.")
    layers: int = Field(2, ge=1, le=8, description="Number of LSTM layers.")
    hidden: int = Field(256, ge=8, le=8192, description="Units of each layer, and width of the embedding.")
    tied: bool = Field(True, description="Whether the output layer uses the embedding's weights.")


class CifgSettings(Settings):
    """The CIFG-LSTM language model of Ramaswamy et al. (2020); the paper's sizes are given from memory."""

    kind: Literal["cifg"] = Field(
        description="Kind of the layers: an LSTM with a projection, whose input gate is 1 minus its forget gate."
    )
    layers: int = Field(1, ge=1, le=8, description="Number of CIFG-LSTM layers.")
    hidden: int = Field(670, ge=8, le=8192, description="Units of each layer.")
    projection: int = Field(
        96, ge=8, le=8192, description="Width to which the units are projected, and width of the embedding."
    )
    tied: Literal[True] = Field(True, description="The output layer always uses the embedding's weights.")


def _lstm_unless_named(values: Any) -> Any:
    return {"kind": "lstm", **values} if isinstance(values, Mapping) else values


ModelSettings = Annotated[
    Annotated[LstmSettings | CifgSettings, Field(discriminator="kind")], BeforeValidator(_lstm_unless_named)
]
"""Settings of a language model of any kind; an LSTM if no kind is named."""


def model_settings(values: Mapping[str, Any]) -> LstmSettings | CifgSettings:
    """Settings of the model kind that `values` names, or of an LSTM."""
    return TypeAdapter(ModelSettings).validate_python(values)


class NumericsSettings(Settings):
    """How matrix products are computed; the values are fixed when the workflow is planned."""

    accelerator: Literal["cpu", "cuda"] = Field("cpu", description="Accelerator on which a model is trained.")
    precision: Literal["float32", "bfloat16"] = Field(
        "float32", description="Precision of activations and products; weights are always float32."
    )
    threads: int = Field(
        1,
        ge=1,
        le=256,
        description="Threads of each product; they affect the last bits of a result, because they order its sums.",
    )
