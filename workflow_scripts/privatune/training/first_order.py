"""Training by gradients that are clipped by example: DP-SGD and DP-AdamW, and without clip and noise SGD and AdamW.

A step is that of Abadi et al. (2016), with the gradients g_i of the examples that a Poisson draw picked:

    x <- optimizer(x, (sum_i clip_C(g_i) + noise) / B)

where B is the public expected size of a batch. Gradient descent on all examples is B = n.

Sums of gradients are rounded as float32 is, and so is their noise. An epsilon is therefore that of the same steps in
real numbers, as in other libraries of DP-SGD. Sums of slopes (training/zeroth_order.py) are whole numbers, and exact.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch

from privatune.core.errors import PrivatuneError
from privatune.models.masked import masks_of
from privatune.training.clipped import Loss, clipped_sum, cross_entropies
from privatune.training.examples import Minibatch

# gives the minibatches of a step, counted from 1; their examples are the step's batch
Batches = Callable[[int], Iterable[Minibatch]]
# gives the generator of a step's noise, counted from 1
Noise = Callable[[int], np.random.Generator]


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
        deviation: the standard deviation z C of the noise on each value of the sum; 0 for none.

    Raises:
        PrivatuneError: a choice is out of range, or there is noise without a clip, which would protect nothing.
    """

    steps: int
    batch: float
    rate: float
    optimizer: Literal["adamw", "sgd"] = "adamw"
    decays: bool = False
    clip: float = math.inf
    deviation: float = 0.0

    def __post_init__(self) -> None:
        if self.steps < 1 or not self.batch > 0 or not self.rate > 0 or not self.clip > 0:
            raise PrivatuneError("first order: steps, batch, rate and clip must be above 0; change the one that is not")
        if not 0 <= self.deviation < math.inf or (self.deviation and math.isinf(self.clip)):
            raise PrivatuneError("first order: noise needs a clip and a finite deviation of at least 0; set both")

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
    noise: Noise | None = None,
    precision: torch.dtype = torch.float32,
    loss: Loss = cross_entropies,
) -> None:
    """Train in place, in exactly T steps; nothing that is private is returned or logged.

    The network is put into evaluation mode and stays in it. With a clip, an example whose gradient is not finite counts
    as zero, because an error would reveal that it took part; how often that happens is private and nobody is told. An
    empty batch gives a step of noise alone. The pruned weights of masked layers have no gradient, no part in a norm, no
    noise and no moments of the optimizer, so they stay exactly as they are.

    Args:
        network: takes (inputs, mask) to logits [batch, classes]; the parameters with `requires_grad` are trained.
        batches: gives the minibatches of a step, counted from 1.
        choices: the public choices.
        noise: gives the generator of a step's noise; needed if the choices have a deviation, and only then. Where
            privacy is claimed, its seed must be secret.
        precision: float32 or bfloat16, in which products compute; weights, norms and sums are always float32.
        loss: the loss of each example, from logits and the third part of the minibatches.

    Raises:
        PrivatuneError: noise is missing or not accounted for; or the errors of `clipped_sum`.
    """
    if (noise is None) != (choices.deviation == 0):
        raise PrivatuneError("first order: noise and its deviation belong together; give both or neither")
    network.eval()
    trained = {name: parameter for name, parameter in network.named_parameters() if parameter.requires_grad}
    masks = masks_of(network)
    optimizer = _optimizer(list(trained.values()), choices)
    for step in range(1, choices.steps + 1):
        sums = clipped_sum(network, batches(step), choices.clip, precision, loss).sums
        drawn = noise(step) if noise else None
        for name, total in sums.items():
            if drawn is not None:
                added = torch.from_numpy(drawn.standard_normal(tuple(total.shape), np.float32)).to(total.device)
                if name in masks:
                    added.masked_fill_(~masks[name], 0)
                total.add_(added, alpha=choices.deviation)
            trained[name].grad = total.div_(choices.batch)
        for group in optimizer.param_groups:
            group["lr"] = choices.rate_at(step)
        optimizer.step()
    optimizer.zero_grad()


def _optimizer(parameters: list[torch.nn.Parameter], choices: FirstOrder) -> torch.optim.Optimizer:
    if choices.optimizer == "sgd":
        return torch.optim.SGD(parameters, choices.rate)
    return torch.optim.AdamW(parameters, choices.rate, weight_decay=0.0, fused=True)
