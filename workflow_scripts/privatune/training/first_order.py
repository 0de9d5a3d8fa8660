"""Training by gradients that are clipped by example: DP-SGD and DP-AdamW, and without clip and noise SGD and AdamW.

A step is that of Abadi et al. (2016), with the gradients g_i of the examples that a Poisson draw picked:

    x <- optimizer(x, (sum_i clip_C(g_i) + noise) / B)

where B is the public expected size of a batch. Gradient descent on all examples is B = n.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from privatune.core.errors import PrivatuneError
from privatune.training.clipped import Minibatch, clipped_sum

# gives the minibatches of a step, counted from 1; their examples are the step's batch
Batches = Callable[[int], Iterable[Minibatch]]


@dataclass(frozen=True)
class FirstOrder:
    """The public choices of a training by gradients.

    Attributes:
        steps: T, exactly how many steps are taken and noised.
        batch: B, the expected number of examples of a step. It divides the sum, whoever takes part.
        rate: the learning rate of the first step.
        optimizer: what makes a step from a gradient; neither decays weights.
        decays: whether the learning rate falls linearly, so that it would be zero after the last step.
        clip: C, the largest L2 norm of an example's gradient; infinite for none.
        unit: what the noised sums are whole multiples of; needed with noise.

    Raises:
        PrivatuneError: a choice is out of range.
    """

    steps: int
    batch: float
    rate: float
    optimizer: Literal["adamw", "sgd"] = "adamw"
    decays: bool = False
    clip: float = math.inf
    unit: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1 or not self.batch > 0 or not self.rate > 0 or not self.clip > 0:
            raise PrivatuneError("first order: steps, batch, rate and clip must be above 0; change the one that is not")

    def rate_at(self, step: int) -> float:
        """The learning rate of a step, counted from 1.

        >>> choices = FirstOrder(steps=4, batch=8, rate=1.0, decays=True)
        >>> [choices.rate_at(step) for step in (1, 2, 3, 4)]
        [1.0, 0.75, 0.5, 0.25]
        """
        return self.rate * (1 - (step - 1) / self.steps) if self.decays else self.rate


def train(
    network: torch.nn.Module,
    batches: Batches,
    choices: FirstOrder,
    noise: Iterable[np.ndarray] | None = None,
    precision: torch.dtype = torch.float32,
) -> None:
    """Train in place, in exactly T steps; nothing that is private is returned or logged.

    The network is put into evaluation mode and stays in it. An example whose gradient is not finite counts as zero,
    because an error would reveal that it took part; how often that happens is private and nobody is told. An empty
    batch gives a step of noise alone.

    With noise, the sum is rounded to whole multiples of `choices.unit` first. Rounding moves two sums apart by at most
    sqrt(values) units, which are taken off the clip.

    Args:
        network: takes (inputs, mask) to logits [batch, classes]; the parameters with `requires_grad` are trained.
        batches: gives the minibatches of a step, counted from 1.
        choices: the public choices.
        noise: for each step the noise on its sum, [values] int64, as whole multiples of `choices.unit`; the tensors lie
            in it one after the other, in the order of `named_parameters`. None means no noise.
        precision: float32 or bfloat16, in which products compute; weights, norms and sums are always float32.

    Raises:
        PrivatuneError: the noise has another size or number of steps, or nothing bounds what it hides; or the errors of
            `clipped_sum`.
    """
    network.eval()
    trained = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    size = sum(parameter.numel() for parameter in trained.values())
    clip = choices.clip
    if noise is not None:
        clip -= math.sqrt(size) * choices.unit
        if not 0 < choices.unit < clip < math.inf:
            raise PrivatuneError("first order: noise needs a clip, and a unit far below it; set both")
    optimizer = _optimizer(list(trained.values()), choices)
    for step, added in enumerate(_noise(noise, choices.steps, size), 1):
        sums = clipped_sum(network, batches(step), clip, precision).sums
        for name, gradient in _noised(sums, added, choices.unit):
            trained[name].grad = gradient.div_(choices.batch)
        for group in optimizer.param_groups:
            group["lr"] = choices.rate_at(step)
        optimizer.step()
    optimizer.zero_grad()


def _optimizer(parameters: list[torch.nn.Parameter], choices: FirstOrder) -> torch.optim.Optimizer:
    if choices.optimizer == "sgd":
        return torch.optim.SGD(parameters, choices.rate)
    return torch.optim.AdamW(parameters, choices.rate, weight_decay=0.0)


def _noise(noise: Iterable[np.ndarray] | None, steps: int, size: int) -> Iterator[np.ndarray | None]:
    """Yield the noise of exactly T steps."""
    if noise is None:
        yield from [None] * steps
        return
    rows = iter(noise)
    for _ in range(steps):
        row = next(rows, None)
        if row is None or row.shape != (size,) or row.dtype != np.int64:
            break
        yield row
    else:
        if next(rows, None) is None:
            return
    raise PrivatuneError(
        f"first order: {steps} steps need as many rows of noise, each with {size} whole numbers; draw the noise for "
        "these choices"
    )


def _noised(sums: dict[str, torch.Tensor], added: np.ndarray | None, unit: float) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield each sum, rounded to whole units and with its noise, by the name of the tensor."""
    start = 0
    for name, total in sums.items():
        if added is not None:
            noise = torch.from_numpy(added[start : start + total.numel()]).to(total.device).view_as(total)
            start += total.numel()
            total = ((total.double() / unit).round_().long() + noise).double().mul_(unit).float()
        yield name, total
