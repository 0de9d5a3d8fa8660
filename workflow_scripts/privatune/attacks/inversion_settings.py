"""Settings of the attacks on sent states. Apart from the code, so that planning imports nothing heavy."""

from typing import Literal

from pydantic import Field

from privatune.core.settings import Settings

Attack = Literal["nearest", "posterior", "ridge", "inverter"]
ATTACKS: tuple[Attack, ...] = ("nearest", "posterior", "ridge", "inverter")
"""The attacks; each is a module of `attacks.inversion`."""


class InversionSettings(Settings):
    """Attacks that guess the tokens of a sentence from the states that its owner sends (Shen et al. 2023)."""

    ridge: float = Field(
        1e-3,
        gt=0,
        le=1e3,
        description="Strength of the ridge of the linear maps that are fitted to public text, relative to the mean "
        "square of what they map.",
    )
    width: int = Field(
        64, ge=8, le=4096, multiple_of=4, description="Width of the only transformer block of the trained inverter."
    )
    epochs: int = Field(
        3,
        ge=1,
        le=1000,
        description="Most epochs of the inverter. The epoch that recovers the most tokens of public validation "
        "sentences is used.",
    )
    rate: float = Field(1e-3, gt=0, le=1, description="Learning rate of the inverter; it falls to zero linearly.")
    batch: int = Field(8, ge=1, description="Sentences per step of the inverter.")
    sampled: int = Field(
        300, ge=1, description="Wrong tokens that a step of the inverter compares with the right ones."
    )
    validation_share: float = Field(
        0.15, gt=0, lt=1, description="Share of the public sentences from which the epoch is chosen."
    )
