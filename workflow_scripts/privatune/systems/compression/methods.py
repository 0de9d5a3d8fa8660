"""Define the settings of the methods that the compression experiment compares, without importing torch or numba."""

from collections.abc import Mapping, Sequence
from itertools import product
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from privatune.compression.settings import CodecSettings, DenseSettings, HalfSettings, QsgdSettings, TopkSettings
from privatune.core.errors import PrivatuneError
from privatune.core.settings import CohortSettings, Distinct, Settings
from privatune.core.validation import validated
from privatune.federation.settings import ClientSettings

DownloadSettings = Annotated[DenseSettings | HalfSettings | QsgdSettings, Field(discriminator="name")]


class MethodSettings(Settings):
    """A way of training: who sends what, and the grid on which it is tuned."""

    mode: Literal["averaging", "gradient"] = Field(
        description="What a device sends. averaging: an update per round, as in federated averaging; gradient: a "
        "gradient per step."
    )
    codec: CodecSettings = Field(default_factory=DenseSettings, description="How a device encodes what it sends.")
    down: Literal["dense", "sparse", "same"] = Field(
        "dense",
        description="How the server sends its mean gradient to the devices. dense: as float32; sparse: the "
        "values that are not zero, with their indices; same: by the codec of the devices.",
    )
    download: DownloadSettings = Field(
        default_factory=DenseSettings,
        description="How the model is encoded for a person who joins. All of it is sent, since that person has "
        "no earlier one.",
    )
    memory: Literal["device", "person"] = Field(
        "device",
        description="How long a gradient method keeps the memory of its codec (a residual or a momentum). "
        "device: the next person who joins on the same device goes on with it; person: it is deleted "
        "when the person's turn ends.",
    )
    learning_rates: Annotated[list[Annotated[float, Field(gt=0, le=100)]], Distinct] = Field(
        min_length=1,
        description="Learning rates that are tried: of the device's SGD (averaging) or of the server's (gradient).",
    )
    parameter: dict[str, Annotated[list[float], Distinct]] = Field(
        {},
        max_length=1,
        description="One setting of the codec, and the values that are tried, each with every learning rate.",
    )

    @model_validator(mode="after")
    def _the_grid_fits_the_codec(self) -> Self:
        try:
            self.points()
        except PrivatuneError as error:
            raise ValueError(str(error)) from error
        if self.memory == "person" and self.codec.name == "ef21":
            raise ValueError(
                "memory: the server of ef21 adds to the same memory, so it cannot leave the device; set "
                "`memory: device`"
            )
        return self

    def points(self) -> list[tuple[float, CodecSettings]]:
        """Return the grid; each point is a learning rate and a codec."""
        codecs = [self.codec]
        for name, values in self.parameter.items():
            codecs = [
                validated(type(self.codec), self.codec.model_dump() | {name: value}, at="parameter") for value in values
            ]
        return list(product(self.learning_rates, codecs))


class Choice(Settings):
    """A method at one point of its grid, with the settings that all methods share."""

    mode: Literal["averaging", "gradient"]
    learning_rate: float
    codec: CodecSettings
    down: Literal["dense", "sparse", "same"]
    download: DownloadSettings
    memory: Literal["device", "person"]
    averaged: float
    final_rate: float
    client: ClientSettings
    cohort: CohortSettings

    def rate_at(self, share: float) -> float:
        """Return the rate after a share of the training; it falls linearly from the full rate to `final_rate` of it."""
        return self.learning_rate * (1 + share * (self.final_rate - 1))

    def down_codec(self, filled: float = 1.0) -> CodecSettings:
        """Return the codec by which the server sends a mean; `filled` is the share of its values that are not zero."""
        if self.down == "same":
            return self.codec
        if self.down == "sparse":
            return TopkSettings(name="topk", share=filled, error_feedback=False)
        return DenseSettings()


def choices(method: MethodSettings, **shared: Any) -> list[Choice]:
    """Return a method at every point of its grid, in the grid's order.

    Args:
        method: the settings of the method.
        shared: client, cohort, final_rate and averaged, which are the same for all methods.
    """
    own = {name: getattr(method, name) for name in ("mode", "down", "download", "memory")}
    return [Choice(learning_rate=rate, codec=codec, **own, **shared) for rate, codec in method.points()]


def best(points: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the point of a grid with the best result on validation text; among equals, the first.

    Args:
        points: the points that `tune_method` writes, each with ppl_average and choice.
    """
    return min(points, key=lambda point: point["ppl_average"])
