"""Weights on a grid, so that a perturbation in place can be taken back to the bit, and random directions.

Adding and subtracting in floating point is exact as long as every result fits into 24 bits. Each trained tensor
therefore consists of whole multiples of a power of two, its unit. The perturbation is rounded to the same grid, and the
unit is large enough that the tensor, moved by the longest perturbation, has no value beyond 2^24 units. Then
x + a - 2 a + a is x.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from privatune.core.errors import PrivatuneError

MOST = 2.0**24  # float32 represents every whole number up to this
# No normal value that torch draws is longer: it has at most 53 random bits, and sqrt(2 * 53 * ln 2) < 8.6.
REACH = 9.0
LEAST = 32.0  # units of the perturbation's deviation; rounding then changes it by less than one percent
CHUNK = 1 << 18  # values of a direction that exist at a time


@dataclass
class Weight:
    """A trained tensor: its name, its values in one dimension (a view, not a copy), and the unit of its grid."""

    name: str
    values: torch.Tensor
    unit: float


def on_grid(network: torch.nn.Module, scale: float) -> list[Weight]:
    """Round every trained tensor of a network to its grid, in place, and return them all.

    Args:
        network: a network whose trained tensors are those with `requires_grad`.
        scale: lambda, the standard deviation of a perturbation.

    Raises:
        PrivatuneError: nothing is trained, a tensor is not in float32, whose bits the grid needs, or a perturbation is
            too short for a tensor's grid.
    """
    weights = []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            if parameter.dtype != torch.float32:
                raise PrivatuneError(
                    f"{name}: a perturbation is lost in the rounding of {parameter.dtype}; train in float32"
                )
            weight = Weight(name, parameter.detach().view(-1), 0.0)
            settle(weight, scale)
            weights.append(weight)
    if not weights:
        raise PrivatuneError("no tensor of the classifier is trained; take another scope")
    return weights


def settle(weight: Weight, scale: float) -> None:
    """Give a tensor a coarser grid if it no longer fits its own; errors are those of `on_grid`.

    The unit never becomes smaller. It depends on the released weights only, so it costs no privacy.
    """
    largest = max(map(abs, map(float, torch.aminmax(weight.values))))
    if not math.isfinite(largest):
        raise PrivatuneError(f"{weight.name}: the training has diverged; lower its rate")
    unit = math.ldexp(1.0, math.frexp(largest + REACH * scale)[1]) / MOST
    if unit <= weight.unit:
        return
    if scale < LEAST * unit:
        raise PrivatuneError(
            f"{weight.name}: its largest value is {largest:.3g}, beside which float32 does not resolve a perturbation "
            f"of {scale:g}; lower the rate if the training made it so large, or take a perturbation of at least "
            f"{LEAST * unit:.2g}"
        )
    weight.unit = unit
    weight.values.div_(unit).round_().mul_(unit).add_(0.0)  # -0 becomes 0: x + a - 2 a + a is never -0


def pieces(weights: Sequence[Weight]) -> Iterator[tuple[Weight, slice]]:
    """Yield the parts, of at most `CHUNK` values, in which directions are drawn."""
    for weight in weights:
        for start in range(0, weight.values.numel(), CHUNK):
            yield weight, slice(start, min(start + CHUNK, weight.values.numel()))


def generator(weights: Sequence[Weight], seed: int) -> torch.Generator:
    """Return the generator of the direction with this public seed, on the accelerator of the weights."""
    return torch.Generator(weights[0].values.device).manual_seed(seed)


def normal(weight: Weight, part: slice, drawn: torch.Generator) -> torch.Tensor:
    """Draw the next part of a direction, float32."""
    return torch.randn(part.stop - part.start, generator=drawn, device=weight.values.device)


def perturb(weights: Sequence[Weight], seed: int, scale: float, times: int) -> None:
    """Add `times` the perturbation lambda u to the weights, exactly, where u is the direction with this seed."""
    drawn = generator(weights, seed)
    for weight, part in pieces(weights):
        whole = normal(weight, part, drawn).mul_(scale / weight.unit).round_()
        weight.values[part].add_(whole, alpha=times * weight.unit)


def subtract(weight: Weight, part: slice, change: torch.Tensor) -> None:
    """Subtract a change, which is rounded to the grid and overwritten; call `settle` after the last part."""
    weight.values[part].sub_(change.div_(weight.unit).round_(), alpha=weight.unit)
