"""Which methods' steps are measured, and at which sizes. Apart from the code, so that planning imports no torch."""

from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, Field

from privatune.core.settings import Names, Settings, known_names

Step = Literal["none", "plain", "clipped", "opacus", "zeroth"]


class Row(NamedTuple):
    """A method whose step is measured.

    Attributes:
        method: its name in tables.
        scope: which weights it trains.
        step: how a step is made: not at all (inference); by the gradient of the mean loss; by gradients that are
            clipped by example, with our own code or with Opacus; or by forward passes alone.
        private: whether examples are clipped and noise is added.
        many: whether a step has `CostSettings.directions` directions, and not one.
    """

    method: str
    scope: Literal["all", "lora"]
    step: Step
    private: bool = False
    many: bool = False


ROWS = {
    "inference": Row("inference", "all", "none"),
    "mezo": Row("MeZO", "all", "zeroth"),
    "dpzero": Row("DPZero", "all", "zeroth", private=True),
    "dp-aggzo": Row("DP-AggZO", "all", "zeroth", private=True, many=True),
    "lora": Row("LoRA", "lora", "plain"),
    "dp-lora": Row("DP-LoRA", "lora", "clipped", private=True),
    "adamw": Row("AdamW", "all", "plain"),
    "dp-adamw": Row("DP-AdamW", "all", "clipped", private=True),
    "dp-adamw-opacus": Row("DP-AdamW (Opacus)", "all", "opacus", private=True),
}


def _known(rows: list[str]) -> list[str]:
    known_names("rows", rows, set(ROWS))
    return rows


class CostSettings(Settings):
    """What a step of each method costs: seconds and peak memory, each method in a process of its own."""

    rows: Annotated[Names, AfterValidator(_known)] = Field(
        list(ROWS),
        description=f"Methods that are measured, of {', '.join(ROWS)}. All but those of LoRA train every weight; the "
        "trained weights are not used.",
    )
    batch: int = Field(64, ge=1, le=65_536, description="Sentences of a step.")
    tokens: int = Field(32, ge=2, le=8192, description="Tokens to which each sentence is cut; the longest are taken.")
    directions: int = Field(16, ge=2, le=4096, description="Number K of directions of DP-AggZO.")
    repeats: int = Field(5, ge=1, le=100, description="Number of measured steps, after one that is not measured.")
    threads: int = Field(2, ge=1, le=256, description="Threads of each product.")
