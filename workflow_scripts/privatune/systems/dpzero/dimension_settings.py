"""Settings of the synthetic experiment on the dimension; planning reads them, so they do not import torch."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from privatune.core.settings import Distinct, Settings

Dimension = Annotated[int, Field(ge=2, le=20_000)]
GridClip = Annotated[float, Field(gt=0, le=1e6)]


class DimensionSettings(Settings):
    """Of the synthetic experiment: least squares of low effective rank, whose number of weights grows."""

    examples: int = Field(10_000, ge=10, le=1_000_000, description="Number of examples n.")
    dimensions: Annotated[list[Dimension], Distinct] = Field(
        [20, 39, 75, 145, 280, 540, 1040, 2000],
        min_length=2,
        description="Numbers of weights d, each with a problem of its own; about evenly spaced on a logarithmic axis.",
    )
    rank: int = Field(
        5, ge=1, le=20_000, description="Number of eigenvalues of the Hessian that are not zero, or d if that is less."
    )
    decay: float = Field(
        0.0, ge=0, le=10, description="Exponent p of these eigenvalues, which are 1, 2^-p, 3^-p and so on."
    )
    epsilon: float = Field(2.0, gt=0, le=100, description="Epsilon of every run, at `delta`.")
    delta: float = Field(1e-6, gt=0, lt=1, description="Delta of every run; less than one over `examples`.")
    steps: int = Field(200, ge=1, le=100_000, description="Number of steps T, each on all examples.")
    clips: Annotated[list[GridClip], Distinct] = Field(
        [0.0625, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0],
        min_length=1,
        description="Grid of clips C, the same for all methods and dimensions; each takes the one that serves it best.",
    )
    replicates: int = Field(20, ge=2, le=1000, description="Replicates that are judged.")
    tuning_replicates: int = Field(
        5, ge=1, le=1000, description="Further replicates that choose the clip; they are not judged."
    )
    seed: int = Field(0, ge=0, description="Seed of the problems, the directions and the noise.")

    @model_validator(mode="after")
    def _supports_a_claim(self) -> Self:
        if self.delta * self.examples >= 1:
            raise ValueError(
                f"dpzero.dimension.delta: {self.delta:g} is not below 1 / {self.examples}, so it protects nobody; "
                "lower it"
            )
        if self.dimensions != sorted(set(self.dimensions)):
            raise ValueError("dpzero.dimension.dimensions: list each number of weights once, the smallest first")
        return self
