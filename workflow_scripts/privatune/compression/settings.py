"""Settings of the codecs, one model each. Apart from the code, so that planning a workflow imports no numba."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from privatune.core.settings import Settings

_FEEDBACK = (
    "Keep what a payload leaves out and add it to the client's next update. It does nothing where a client sends once, "
    "as in federated averaging."
)
_SHARE = "Share of the values of the whole model that is sent, rounded up."


class _Codec(Settings):
    zstd: bool = Field(False, description="Compress the payload once more, by a general method.")
    single_updates: ClassVar[bool] = True  # False where a payload says something only together with others
    stateful: ClassVar[bool] = False  # True where a state is kept, with or without error feedback

    @property
    def remembers(self) -> bool:
        """Whether a client's payload hangs on what it sent before."""
        return self.stateful or getattr(self, "error_feedback", False)


class DenseSettings(_Codec):
    """float32, nothing left out."""

    name: Literal["dense"] = "dense"


class HalfSettings(_Codec):
    """Each value rounded to 16 bits."""

    name: Literal["half"]
    precision: Literal["float16", "bfloat16"] = Field(
        "float16", description="float16: magnitudes to 65504; bfloat16: those of float32, with 8 bits of precision."
    )
    error_feedback: bool = Field(False, description=_FEEDBACK)


class TopkSettings(_Codec):
    """The largest magnitudes of the whole model, with their indices (Stich et al. 2018)."""

    name: Literal["topk"]
    share: float = Field(0.01, gt=0, le=1, description=_SHARE)
    error_feedback: bool = Field(True, description=_FEEDBACK)


class RandomkSettings(_Codec):
    """Values at random places of the whole model, which a seed tells the server (Stich et al. 2018)."""

    name: Literal["randomk"]
    share: float = Field(0.01, gt=0, le=1, description=_SHARE)
    error_feedback: bool = Field(
        False, description=f"{_FEEDBACK} Without it values are multiplied by n / k, which makes them unbiased."
    )


class ThresholdSettings(_Codec):
    """The sign of each value beyond a threshold, which stands for its magnitude too (Strom 2015)."""

    name: Literal["threshold"]
    tau: float = Field(0.01, gt=0, le=1e6, description="The threshold, in the unit of an update.")
    error_feedback: bool = Field(True, description=_FEEDBACK)


class DgcSettings(_Codec):
    """Deep gradient compression: momentum, and top-k of its sums (Lin et al. 2018).

    In federated averaging, where a client sends once, it is clipping and top-k.
    """

    name: Literal["dgc"]
    share: float = Field(0.001, gt=0, le=1, description=_SHARE)
    momentum: float = Field(0.9, ge=0, lt=1, description="m of u = m u + g.")
    clip: float = Field(
        5.0, gt=0, le=1e6, description="Largest L2 norm of the mean update; a client's may be sqrt(clients) times that."
    )
    warmup_steps: int = Field(
        0, ge=0, le=1_000_000, description="Steps of each of the warm-up's shares 0.25, 0.0625, 0.015625 and 0.004."
    )
    stateful: ClassVar[bool] = True


class OnebitSettings(_Codec):
    """Signs, and two means for each tensor (Seide et al. 2014)."""

    name: Literal["onebit"]
    error_feedback: bool = Field(True, description=_FEEDBACK)


class SignsgdSettings(_Codec):
    """Signs; the server takes the sign of most clients (Bernstein et al. 2018)."""

    name: Literal["signsgd"]
    step: float = Field(0.001, gt=0, le=1e6, description="Magnitude of every value of the server's update.")
    single_updates: ClassVar[bool] = False


class EfsignSettings(_Codec):
    """Signs, scaled by the mean magnitude of each tensor (Karimireddy et al. 2019)."""

    name: Literal["efsign"]
    error_feedback: bool = Field(True, description=_FEEDBACK)


class TerngradSettings(_Codec):
    """-1, 0 or 1 at random, and a scale for each tensor (Wen et al. 2017)."""

    name: Literal["terngrad"]
    clip_sigmas: float | None = Field(
        2.5, gt=0, le=1e6, description="Largest magnitude, in standard deviations of the tensor; null: not clipped."
    )


class QsgdSettings(_Codec):
    """Random rounding to some levels of a bucket's norm (Alistarh et al. 2017)."""

    name: Literal["qsgd"]
    levels: int = Field(7, ge=1, le=127, description="s: levels above zero; 1, 7 and 127 take 2, 4 and 8 bits a value.")
    bucket: int = Field(512, ge=1, le=1 << 20, description="Values that share a norm.")
    norm: Literal["l2", "max"] = Field("l2", description="Of a bucket; l2: the paper's theory, max: its experiments.")


class PowersgdSettings(_Codec):
    """Each matrix as a product of two thin ones (Vogels et al. 2019)."""

    name: Literal["powersgd"]
    rank: int = Field(4, ge=1, le=1024, description="r: columns of the thin matrices.")
    error_feedback: bool = Field(True, description=_FEEDBACK)
    stateful: ClassVar[bool] = True


class Ef21Settings(_Codec):
    """Top-k of what the server's estimate of a client's update lacks (Richtarik et al. 2021)."""

    name: Literal["ef21"]
    share: float = Field(0.01, gt=0, le=1, description=_SHARE)
    single_updates: ClassVar[bool] = False
    stateful: ClassVar[bool] = True


CodecSettings = Annotated[
    DenseSettings
    | HalfSettings
    | TopkSettings
    | RandomkSettings
    | ThresholdSettings
    | DgcSettings
    | OnebitSettings
    | SignsgdSettings
    | EfsignSettings
    | TerngradSettings
    | QsgdSettings
    | PowersgdSettings
    | Ef21Settings,
    Field(discriminator="name"),
]
