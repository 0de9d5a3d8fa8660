"""The sum of per-example clipped gradients, by one forward and one backward pass.

This is the book-keeping of Bu, Wang, Zha and Karypis (2022, arXiv 2210.00038). Hooks keep the inputs of each trained
layer, and one backward pass gives the gradients with respect to the layers' outputs. The squared norm of an example's
gradient follows from the Gram matrices of both, without the gradient itself, and the sum of the clipped gradients is
one product of the same two tensors. A plain step also makes this product, so the only extra work is that of the norms.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.functional import cross_entropy

from privatune.core.errors import PrivatuneError
from privatune.training.layer_gradients import RULES, Gradients

# inputs and mask as the classifier takes them, and targets [batch] as the loss does
Minibatch = tuple[Tensor, Tensor, Tensor]
# from float32 logits [batch, classes] and targets [batch] to losses [batch], each of its own example alone
Loss = Callable[[Tensor, Tensor], Tensor]
# Clipping aims at slightly less than the clip, so that rounding does not carry a gradient beyond it: products of
# bfloat16 round each value by up to 2^-8 of it.
MARGINS = {torch.float32: 2.0**-12, torch.bfloat16: 2.0**-7}


class ClippedSum(NamedTuple):
    """A sum of clipped gradients. It has no noise yet, so nothing of it may be shown.

    Attributes:
        sums: float32 tensors by the names of the trained parameters, in the order of `named_parameters`.
        examples: how many examples there were, including those refused.
        refused: how many had a gradient that is not finite; they count as zero. Without a clip nobody is refused, as
            only norms tell.
    """

    sums: dict[str, Tensor]
    examples: int
    refused: int


class _Record(NamedTuple):
    """What a layer leaves behind in the forward pass; the version counts changes of the output in place."""

    layer: nn.Module
    inputs: Tensor
    output: Tensor
    version: int


def cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross entropies [batch] in nats, of logits [batch, classes] and labels int64 [batch]."""
    return cross_entropy(logits, labels, reduction="none")


def clipped_sum(
    classifier: nn.Module,
    minibatches: Iterable[Minibatch],
    clip: float,
    precision: torch.dtype = torch.float32,
    loss: Loss = cross_entropies,
) -> ClippedSum:
    """Return the sum over all examples of the gradient of each one's loss, clipped as a whole.

    The gradient g of an example is multiplied by min(1, clip / |g|), where the norm is taken over all parameters that
    have `requires_grad`, without the pruned weights of masked layers: their sums are zero. Zeroing out an example moves
    the sum by at most the clip, up to the rounding of float32.

    Args:
        classifier: maps (inputs, mask) to logits [batch, classes]. It is neither changed nor switched between training
            and evaluation, and no example may influence the logits of another.
        minibatches: the examples, in minibatches of any size; there may be none, and then the sums are zero.
        clip: the largest L2 norm. Infinity means that nothing is clipped: then no norms are computed, nobody is
            refused, and an example whose gradient is not finite spoils the sum.
        precision: float32 or bfloat16, in which the passes compute; norms and sums are always float32.
        loss: the loss of each example, which must not depend on the other examples of the minibatch.

    Raises:
        PrivatuneError: nothing is trained, or a trained parameter belongs to a layer that cannot be clipped.
    """
    if not clip > 0:
        raise PrivatuneError(f"clip: {clip} is not a bound on gradients; set a number above 0")
    layers = _trained_layers(classifier)
    sums: dict[str, Tensor] = {}
    examples = refused = 0
    with _recording(layers) as records, _products(precision):
        for inputs, mask, targets in minibatches:
            if len(targets) == 0:
                continue
            records.clear()
            logits = _logits(classifier, inputs, mask, precision)
            with torch.enable_grad():
                losses = loss(logits, targets)
            parts = _gradients(records, losses)
            factors = None if clip == math.inf else _factors(parts, clip * (1 - MARGINS[precision]), losses)
            for name, part in parts.items():
                for own, total in part.total(factors).items():
                    whole = _full(name, own)
                    sums[whole] = sums[whole].add_(total) if whole in sums else total
            examples += len(targets)
            refused += 0 if factors is None else int((factors == 0).sum())
    ordered = {
        name: sums[name] if name in sums else torch.zeros_like(parameter, dtype=torch.float32)
        for name, parameter in classifier.named_parameters()
        if parameter.requires_grad
    }
    return ClippedSum(ordered, examples, refused)


def _logits(classifier: nn.Module, inputs: Tensor, mask: Tensor, precision: torch.dtype) -> Tensor:
    """Float32 logits [batch, classes]."""
    with ExitStack() as stack:
        stack.enter_context(torch.enable_grad())
        stack.enter_context(torch.autocast(inputs.device.type, precision, precision != torch.float32))
        # for short sentences the fused attention is slower on a CPU, and in bfloat16 its backward pass very much so;
        # on a GPU its backward pass adds in no fixed order
        stack.enter_context(sdpa_kernel(SDPBackend.MATH))
        logits: Tensor = classifier(inputs, mask)
        return logits.float()


def _factors(parts: dict[str, Gradients], bound: float, losses: Tensor) -> Tensor:
    """What each example's gradient is multiplied by [batch]: zero if it is not finite."""
    norms = sum((part.squares() for part in parts.values()), torch.zeros_like(losses)).sqrt()
    return torch.where(norms.isfinite(), (bound / norms).clamp(max=1), 0)


@contextmanager
def _products(precision: torch.dtype) -> Iterator[None]:
    """Let products of float32 tensors on the processor round their factors to bfloat16, if that is the precision.

    Sums stay in float32. Activations and gradients have been rounded already, so products of them do not change.
    """
    products: Any = torch.backends.mkldnn.matmul  # type: ignore[attr-defined]
    before = products.fp32_precision
    products.fp32_precision = "bf16" if precision == torch.bfloat16 else before
    try:
        yield
    finally:
        products.fp32_precision = before


def _full(name: str, own: str) -> str:
    return f"{name}.{own}" if name else own


def _trained(layer: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The trained parameters of the layer itself, without those of the layers inside it."""
    return [(own, parameter) for own, parameter in layer.named_parameters(recurse=False) if parameter.requires_grad]


def _trained_layers(classifier: nn.Module) -> dict[str, nn.Module]:
    """The layers with trained parameters, by name; refuses those whose gradients cannot be told apart by example."""
    layers: dict[str, nn.Module] = {}
    owners: dict[nn.Parameter, str] = {}
    for name, layer in classifier.named_modules():
        for own, parameter in _trained(layer):
            if type(layer) not in RULES or (isinstance(layer, nn.Embedding) and _mixes(layer)):
                raise PrivatuneError(
                    f"{_full(name, own)}: gradients of a {type(layer).__name__} cannot be clipped by example; choose a "
                    "scope that does not train it"
                )
            if parameter in owners:
                raise PrivatuneError(
                    f"{_full(name, own)}: it is also {owners[parameter]}, and gradients of a parameter with two uses "
                    "cannot be clipped by example; choose a scope that does not train it"
                )
            owners[parameter] = _full(name, own)
            layers[name] = layer
    if not layers:
        raise PrivatuneError("scope: no parameter of the classifier is trained; choose a scope that trains some")
    return layers


def _mixes(embedding: nn.Embedding) -> bool:
    return embedding.max_norm is not None or embedding.scale_grad_by_freq


@contextmanager
def _recording(layers: dict[str, nn.Module]) -> Iterator[dict[str, _Record]]:
    """Fill the records, by name of layer, at each forward pass within the block."""
    records: dict[str, _Record] = {}

    def keep(name: str, layer: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        if name in records:
            raise PrivatuneError(
                f"{name}: the classifier uses this layer twice in a forward pass, and then its gradients cannot be "
                "clipped by example; choose a scope that does not train it"
            )
        if output.requires_grad:
            records[name] = _Record(layer, inputs[0].detach(), output, output._version)

    hooks = [layer.register_forward_hook(partial(keep, name)) for name, layer in layers.items()]
    try:
        yield records
    finally:
        for hook in hooks:
            hook.remove()


def _gradients(records: dict[str, _Record], losses: Tensor) -> dict[str, Gradients]:
    """The gradients of the losses [batch], by name of layer; layers that had no part in them are left out."""
    if not records:
        return {}
    for name, record in records.items():
        if len(record.inputs) != len(losses):
            raise PrivatuneError(
                f"{name}: its input has {len(record.inputs)} rows for {len(losses)} examples, so its gradients cannot "
                "be clipped by example; give it one row for each, or choose a scope that does not train it"
            )
        if record.output._version != record.version:
            raise PrivatuneError(
                f"{name}: its output is changed in place, and then its gradients cannot be clipped by example; "
                "choose a scope that does not train it"
            )
    outputs = [record.output for record in records.values()]
    arrived = torch.autograd.grad(losses, outputs, torch.ones_like(losses), allow_unused=True)
    return {
        name: RULES[type(record.layer)](record.layer, record.inputs, gradient)
        for (name, record), gradient in zip(records.items(), arrived, strict=True)
        if gradient is not None
    }
