"""Settings of the codecs. They are separate from the code so that planning a workflow does not import numba."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from privatune.core.settings import Settings

_FEEDBACK = (
    "Keep what a payload leaves out and add it to the client's next update. This has no effect if each client sends "
    "only once, as in federated averaging."
)
_SHARE = "Share of the model's values that is sent; their number is rounded up."


class _Codec(Settings):
    zstd: bool = Field(False, description="Compress the payload once more with Zstandard.")
    single_updates: ClassVar[bool] = True  # False if payloads can only be decoded together
    stateful: ClassVar[bool] = False  # True if the codec keeps a state, with or without error feedback

    @property
    def remembers(self) -> bool:
        """Whether a client's payload depends on what the client sent before."""
        return self.stateful or getattr(self, "error_feedback", False)


class DenseSettings(_Codec):
    """Every value as float32."""

    name: Literal["dense"] = "dense"


class HalfSettings(_Codec):
    """Every value rounded to 16 bits."""

    name: Literal["half"]
    precision: Literal["float16", "bfloat16"] = Field(
        "float16",
        description="float16: magnitudes up to 65504; bfloat16: the range of float32, with 8 bits of precision.",
    )
    error_feedback: bool = Field(False, description=_FEEDBACK)


class TopkSettings(_Codec):
    """The values of largest magnitude in the whole model, with their indices (Stich et al. 2018)."""

    name: Literal["topk"]
    share: float = Field(0.01, gt=0, le=1, description=_SHARE)
    error_feedback: bool = Field(True, description=_FEEDBACK)


class RandomkSettings(_Codec):
    """Values at random places of the whole model, which the server derives from a seed (Stich et al. 2018)."""

    name: Literal["randomk"]
    share: float = Field(0.01, gt=0, le=1, description=_SHARE)
    error_feedback: bool = Field(
        False, description=f"{_FEEDBACK} Without it, values are multiplied by n / k, so that the update is unbiased."
    )


class ThresholdSettings(_Codec):
    """The signs of the values whose magnitude exceeds a threshold; each is decoded as +-threshold (Strom 2015)."""

    name: Literal["threshold"]
    tau: float = Field(0.01, gt=0, le=1e6, description="Threshold for the magnitude of an update's value.")
    error_feedback: bool = Field(True, description=_FEEDBACK)


class DgcSettings(_Codec):
    """Deep gradient compression: top-k of the sums of a momentum (Lin et al. 2018).

    In federated averaging, where each client sends only once, it amounts to clipping and top-k.
    """

    name: Literal["dgc"]
    share: float = Field(0.001, gt=0, le=1, description=_SHARE)
    momentum: float = Field(0.9, ge=0, lt=1, description="Momentum m in u = m u + g, where g is the update.")
    clip: float = Field(
        5.0,
        gt=0,
        le=1e6,
        description="L2 norm to which the mean update is clipped; a client's update is clipped to sqrt(clients) times "
        "this norm.",
    )
    warmup_steps: int = Field(
        0,
        ge=0,
        le=1_000_000,
        description="Number of steps at each share of the warm-up, which are 0.25, 0.0625, 0.015625 and 0.004.",
    )
    stateful: ClassVar[bool] = True


class OnebitSettings(_Codec):
    """The sign of every value, and two means for each tensor (Seide et al. 2014)."""

    name: Literal["onebit"]
    error_feedback: bool = Field(True, description=_FEEDBACK)


class SignsgdSettings(_Codec):
    """The sign of every value; the server takes a majority vote of the clients (Bernstein et al. 2018)."""

    name: Literal["signsgd"]
    step: float = Field(0.001, gt=0, le=1e6, description="Magnitude of every value of the server's update.")
    single_updates: ClassVar[bool] = False


class EfsignSettings(_Codec):
    """The sign of every value, scaled by the mean magnitude of its tensor (Karimireddy et al. 2019)."""

    name: Literal["efsign"]
    error_feedback: bool = Field(True, description=_FEEDBACK)


class TerngradSettings(_Codec):
    """Every value rounded at random to -1, 0 or 1, and a scale for each tensor (Wen et al. 2017)."""

    name: Literal["terngrad"]
    clip_sigmas: float | None = Field(
        2.5,
        gt=0,
        le=1e6,
        description="Magnitude to which values are clipped, in standard deviations of the tensor; null: no clipping.",
    )


class QsgdSettings(_Codec):
    """Every value rounded at random to one of a few levels of its bucket's norm (Alistarh et al. 2017)."""

    name: Literal["qsgd"]
    levels: int = Field(
        7, ge=1, le=127, description="Number s of levels above zero; 1, 7 and 127 take 2, 4 and 8 bits per value."
    )
    bucket: int = Field(512, ge=1, le=1 << 20, description="Number of neighbouring values that share a norm.")
    norm: Literal["l2", "max"] = Field(
        "l2", description="Norm of a bucket; l2: as in the paper's theory, max: as in its experiments."
    )


class PowersgdSettings(_Codec):
    """Each matrix as the product of two thin matrices (Vogels et al. 2019)."""

    name: Literal["powersgd"]
    rank: int = Field(4, ge=1, le=1024, description="Rank r: the number of columns of the thin matrices.")
    error_feedback: bool = Field(True, description=_FEEDBACK)
    stateful: ClassVar[bool] = True


class Ef21Settings(_Codec):
    """Top-k of the difference between an update and the server's estimate of it (Richtarik et al. 2021)."""

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
