"""Linear layers of which some weights are pruned: they are zero, and training leaves them so."""

from collections.abc import Mapping

import torch
from torch import nn

from privatune.core.errors import PrivatuneError


class MaskedLinear(nn.Linear):
    """A linear layer whose weights are zero where `mask` (bool [out, in]) is false.

    The layer computes what nn.Linear does, and its state dictionary is the same. The mask tells a trainer which weights
    it may move. Whoever copies other values into the weights applies the masks again.
    """

    mask: torch.Tensor

    def __init__(self, linear: nn.Linear, mask: torch.Tensor) -> None:
        """Take over the parameters of `linear`, and set the pruned weights to zero in place."""
        super().__init__(linear.in_features, linear.out_features, bias=False, device="meta")
        self.weight, self.bias = linear.weight, linear.bias
        self.register_buffer("mask", mask.to(linear.weight.device), persistent=False)
        self.train(linear.training)
        with torch.no_grad():
            self.weight.masked_fill_(~self.mask, 0)


def apply_masks(module: nn.Module, masks: Mapping[str, torch.Tensor]) -> None:
    """Replace linear layers within a module by masked ones, which keep the parameters themselves.

    A layer that is masked already gets the new mask; what an earlier mask pruned stays zero.

    Args:
        module: what holds the layers; it is not itself one of them.
        masks: bool [out, in], true at weights that are kept, by the names that `named_parameters` gives the weights.

    Raises:
        PrivatuneError: a name is not that of a linear layer's weight, or a mask has another shape or type.
    """
    layers = {f"{name}.weight": layer for name, layer in module.named_modules() if name}
    for name, mask in masks.items():
        layer = layers.get(name)
        if not isinstance(layer, nn.Linear) or type(layer) not in (nn.Linear, MaskedLinear):
            raise PrivatuneError(f"{name}: not the weight of a linear layer, so it has no mask; leave it out")
        if mask.dtype != torch.bool or mask.shape != layer.weight.shape:
            raise PrivatuneError(
                f"{name}: the mask is {mask.dtype} {list(mask.shape)}; give torch.bool {list(layer.weight.shape)}"
            )
    for name, mask in masks.items():
        parent, _, own = name.removesuffix(".weight").rpartition(".")
        setattr(module.get_submodule(parent), own, MaskedLinear(layers[name], mask))


def masks_of(module: nn.Module) -> dict[str, torch.Tensor]:
    """The masks within a module, by name of the weight; `apply_masks` takes them."""
    return {
        f"{name}.weight" if name else "weight": layer.mask
        for name, layer in module.named_modules()
        if isinstance(layer, MaskedLinear)
    }
