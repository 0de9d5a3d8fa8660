"""Settings of sentence classifiers: which weights are trained, and what scores the classes."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, TypeAdapter

from privatune.core.settings import Settings


class HeadScope(Settings):
    """Only the head is trained, on sentence vectors that are computed once."""

    name: Literal["head"] = Field("head", description="Weights that are trained: those of the head alone.")

    @property
    def reads(self) -> str:
        """Name, without its ending, of the file of a set of sentences that training reads."""
        return "vectors"


class _Blocks(Settings):
    """Some of the weights of the encoder's last blocks, and the head."""

    count: int | None = Field(
        None,
        ge=1,
        le=1000,
        description="Number of the encoder's last blocks whose weights are trained; what the blocks below them compute "
        "is cached. null: those of the whole encoder, which then reads every sentence from its first block on.",
    )

    @property
    def reads(self) -> str:
        """Name, without its ending, of the file of a set of sentences that training reads."""
        return "tokens" if self.count is None else f"last-{self.count}"


class BlocksScope(_Blocks):
    """All weights of the last blocks, and the head."""

    name: Literal["blocks"] = Field("blocks", description="Weights that are trained: those of the last blocks.")
    count: int = Field(
        1,
        ge=1,
        le=1000,
        description="Number of the encoder's last blocks that are trained; what those below compute is cached.",
    )


class LoraScope(_Blocks):
    """Products of two narrow matrices beside the query and value matrices (LoRA, Hu et al. 2022), and the head."""

    name: Literal["lora"] = Field("lora", description="Weights that are trained: LoRA's, at query and value matrices.")
    rank: int = Field(8, ge=1, le=1024, description="Rank of each product of two matrices.")
    alpha: int = Field(16, ge=1, le=10_000, description="Scale of each product, before it is divided by the rank.")


class BiasesScope(_Blocks):
    """The biases (BitFit, Ben Zaken et al. 2022), and the head."""

    name: Literal["biases"] = Field("biases", description="Weights that are trained: the biases.")


class AllScope(Settings):
    """All weights of the encoder, its embeddings included, and the head."""

    name: Literal["all"] = Field("all", description="Weights that are trained: all.")

    @property
    def reads(self) -> str:
        """Name, without its ending, of the file of a set of sentences that training reads."""
        return "tokens"


ScopeSettings = Annotated[HeadScope | BlocksScope | LoraScope | BiasesScope | AllScope, Field(discriminator="name")]


class LinearHead(Settings):
    """One vector of weights and one bias per class."""

    name: Literal["linear"] = Field("linear", description="Scores of classes: a linear function of the sentence.")


class PromptHead(Settings):
    """Cosines to one vector per class, which starts as the vector of the label's phrase."""

    name: Literal["prompt"] = Field(
        "prompt",
        description="Scores of classes: cosines to one vector per class that starts as that of the label's phrase.",
    )
    scale: float = Field(10.0, gt=0, le=1000, description="Factor of the cosines, which the softmax then compares.")


HeadSettings = Annotated[LinearHead | PromptHead, Field(discriminator="name")]


def scope_settings(values: Mapping[str, Any]) -> ScopeSettings:
    """Settings of the scope that `values` names."""
    return TypeAdapter(ScopeSettings).validate_python(values)


def head_settings(values: Mapping[str, Any]) -> HeadSettings:
    """Settings of the head that `values` names."""
    return TypeAdapter(HeadSettings).validate_python(values)
