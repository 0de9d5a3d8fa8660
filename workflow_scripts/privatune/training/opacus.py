"""Private steps by Opacus, which the tests and the measured costs compare with those of this project."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

Step = Callable[[Tensor, Tensor, Tensor], None]


def opacus_step(
    classifier: nn.Module, rate: float, clip: float, multiplier: float, batch: int, seed: int, ghost: bool
) -> Step:
    """Return a function that takes one step of DP-AdamW on inputs, mask and labels [batch].

    The classifier is trained in place, and put into training mode, without which Opacus records nothing: it must have
    no dropout. The noise is drawn by torch from a seed, so the step may measure costs but protects nobody.

    Args:
        classifier: maps (inputs, mask) to logits; the parameters with `requires_grad` are trained.
        rate: the learning rate of AdamW.
        clip: the largest L2 norm of an example's gradient.
        multiplier: the deviation of the noise, as a multiple of the clip.
        batch: the expected batch size, which divides the sum.
        seed: seed of the noise.
        ghost: whether norms are computed without gradients by example, which takes a second backward pass
            (`GradSampleModuleFastGradientClipping`), or from such gradients (`GradSampleModule`).
    """
    # here, not above: importing Opacus takes seconds
    from opacus.grad_sample import GradSampleModule, GradSampleModuleFastGradientClipping
    from opacus.optimizers import DPOptimizer, DPOptimizerFastGradientClipping
    from opacus.utils.fast_gradient_clipping_utils import DPLossFastGradientClipping

    trained = [parameter for parameter in classifier.train().parameters() if parameter.requires_grad]
    plain = torch.optim.AdamW(trained, rate, weight_decay=0.0)
    # the mean over the examples drawn becomes a sum inside Opacus, which the optimizer divides by the expected number
    settings = {
        "noise_multiplier": multiplier,
        "max_grad_norm": clip,
        "expected_batch_size": batch,
        "generator": torch.Generator(trained[0].device).manual_seed(seed),
    }
    criterion = nn.CrossEntropyLoss()
    if ghost:
        network = GradSampleModuleFastGradientClipping(classifier, max_grad_norm=clip)
        optimizer = DPOptimizerFastGradientClipping(plain, **settings)
        loss = DPLossFastGradientClipping(network, optimizer, criterion)
    else:
        network, optimizer, loss = GradSampleModule(classifier), DPOptimizer(plain, **settings), criterion

    def step(inputs: Tensor, mask: Tensor, labels: Tensor) -> None:
        optimizer.zero_grad()
        loss(network(inputs, mask), labels).backward()
        optimizer.step()

    return step
