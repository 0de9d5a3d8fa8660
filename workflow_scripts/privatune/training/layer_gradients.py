"""What one layer adds to the gradient of each example, from its inputs and the gradients of its outputs.

No gradient of a single example is formed where the Gram matrices of both give its norm more cheaply.
"""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.linalg import vector_norm
from torch.nn.functional import layer_norm, normalize

from privatune.models.heads import Prompt
from privatune.models.masked import MaskedLinear

# The gradients that are formed at a time have about this many values: they stay in the processor's cache, and more of
# them make a step slower.
BLOCK = 1_250_000


class Gradients(NamedTuple):
    """The gradients of a layer's parameters by example, as a way to their squared norms and a way to sum them.

    `squares()` returns the squared norms [batch]. `total(factors)` returns, by parameter, the sum of all gradients,
    each of them multiplied by its factor [batch]; without factors it is the plain sum.
    """

    squares: Callable[[], Tensor]
    total: Callable[[Tensor | None], dict[str, Tensor]]


def _linear(layer: nn.Linear, inputs: Tensor, gradient: Tensor) -> Gradients:
    """Inputs [batch, ..., d] and gradients of outputs [batch, ..., p]."""
    a, g = _rows(layer, inputs, gradient)
    weight, bias = layer.weight.requires_grad, layer.bias is not None and layer.bias.requires_grad
    mask = layer.mask if isinstance(layer, MaskedLinear) else None

    def squares() -> Tensor:
        if not weight:
            return g.sum(1).square().sum(1)
        if mask is None and a.shape[1] == 1:
            return (vector_norm(a, dim=(1, 2)).square() + bias) * vector_norm(g, dim=(1, 2)).square()
        if mask is None and 2 * a.shape[1] ** 2 < a.shape[2] * g.shape[2]:
            # a bias is the weight of an input that is always 1; rounding can take a sum of products below 0
            return ((torch.bmm(a, a.mT) + bias) * torch.bmm(g, g.mT)).sum((1, 2)).clamp(min=0)
        own = _squares(a, g, mask)
        return own + g.sum(1).square().sum(1) if bias else own

    def total(factors: Tensor | None) -> dict[str, Tensor]:
        own = {}
        if weight and layer.in_features < layer.out_features:
            own["weight"] = _kept(g, factors).flatten(0, 1).T @ _scaled(a, factors).flatten(0, 1)
        elif weight:
            own["weight"] = _scaled(g, factors).flatten(0, 1).T @ _kept(a, factors).flatten(0, 1)
        if weight and mask is not None:
            own["weight"].masked_fill_(~mask, 0)
        if bias:
            own["bias"] = _summed(g.sum(1), factors)
        return own

    return Gradients(squares, total)


def _squares(a: Tensor, g: Tensor, mask: Tensor | None) -> Tensor:
    """Squared norms [batch] of the matrices g.mT @ a, or of their entries where the mask is true."""
    size = max(1, BLOCK // (a.shape[2] * g.shape[2]))
    block = a.new_empty(size, g.shape[2], a.shape[2])
    kept = None if mask is None else mask.float()
    squares = []
    for some_a, some_g in zip(a.split(size), g.split(size), strict=True):
        formed = torch.bmm(some_g.mT, some_a, out=block[: len(some_a)])
        squares.append(vector_norm(formed if kept is None else formed.mul_(kept), dim=(1, 2)).square())
    return torch.cat(squares)


def _rows(layer: nn.Linear, inputs: Tensor, gradient: Tensor) -> tuple[Tensor, Tensor]:
    """Inputs and gradients of outputs in float32, [batch, rows, d] and [batch, rows, p]."""
    # in bfloat16 a plain backward pass would also round the inputs
    a = inputs.to(gradient.dtype).float().view(len(inputs), -1, layer.in_features)
    return a, gradient.float().view(len(inputs), -1, layer.out_features)


def _layer_norm(layer: nn.LayerNorm, inputs: Tensor, gradient: Tensor) -> Gradients:
    """Inputs and gradients of outputs [batch, ..., *normalized_shape]."""
    size = math.prod(layer.normalized_shape)
    g = gradient.float()
    own = {}
    if layer.weight.requires_grad:
        own["weight"] = g * layer_norm(inputs.float(), layer.normalized_shape, eps=layer.eps)
    if layer.bias is not None and layer.bias.requires_grad:
        own["bias"] = g
    own = {name: each.reshape(len(g), -1, size).sum(1) for name, each in own.items()}

    def squares() -> Tensor:
        return sum((each.square().sum(1) for each in own.values()), torch.zeros_like(g[:, 0].sum()))

    def total(factors: Tensor | None) -> dict[str, Tensor]:
        return {name: _summed(each, factors).view(layer.normalized_shape) for name, each in own.items()}

    return Gradients(squares, total)


def _embedding(layer: nn.Embedding, inputs: Tensor, gradient: Tensor) -> Gradients:
    """Ids [batch, ...] and gradients of outputs [batch, ..., width]; the padding row has no gradient."""
    ids = inputs.reshape(len(inputs), -1)
    g = gradient.float().reshape(*ids.shape, layer.embedding_dim)
    if layer.padding_idx is not None:
        g = g.masked_fill((ids == layer.padding_idx)[..., None], 0)

    def squares() -> Tensor:
        # positions with the same id add to the same row
        same = ids[:, :, None] == ids[:, None, :]
        return (torch.bmm(g, g.mT) * same).sum((1, 2)).clamp(min=0)

    def total(factors: Tensor | None) -> dict[str, Tensor]:
        found = torch.zeros_like(layer.weight, dtype=torch.float32)
        return {"weight": found.index_add_(0, ids.flatten(), _scaled(g, factors).flatten(0, 1))}

    return Gradients(squares, total)


def _prompt(layer: Prompt, inputs: Tensor, gradient: Tensor) -> Gradients:
    """Vectors [batch, hidden] and gradients of logits [batch, classes].

    The gradient of a cosine with respect to the vector w of a class is (u - cos * w / |w|) / |w|, with u = v / |v|.
    """
    u, directions = normalize(inputs.float()), normalize(layer.weight.detach())
    cosines = u @ directions.T
    pull = gradient.float() * (layer.scale / layer.weight.detach().norm(dim=1))

    def squares() -> Tensor:
        # the length of u - cos * w / |w| is the sine; the last term is more than the cosine's rounding
        return (pull.square() * ((1 - cosines.square()).clamp(min=0) + 1e-6)).sum(1)

    def total(factors: Tensor | None) -> dict[str, Tensor]:
        along = (_scaled(pull, factors) * _kept(cosines, factors)).sum(0)
        return {"weight": _scaled(pull, factors).T @ _kept(u, factors) - along[:, None] * directions}

    return Gradients(squares, total)


def _summed(x: Tensor, factors: Tensor | None) -> Tensor:
    """The sum [width] of x [batch, width], of which each row is multiplied by its factor [batch]."""
    return x.sum(0) if factors is None else factors @ _kept(x, factors)


def _scaled(x: Tensor, factors: Tensor | None) -> Tensor:
    """Multiply each example's part of x [batch, ...] by its factor [batch]; zero makes zero even of NaN."""
    if factors is None:
        return x
    return _kept(x, factors) * factors.view(-1, *[1] * (x.dim() - 1))


def _kept(x: Tensor, factors: Tensor | None) -> Tensor:
    """x [batch, ...] with zeros where the factor is zero, whatever was there."""
    if factors is None:
        return x
    dropped = factors == 0
    return x.masked_fill(dropped.view(-1, *[1] * (x.dim() - 1)), 0) if dropped.any() else x


# by the type of the layer; a derived class may compute something else
RULES: dict[type, Callable[[Any, Tensor, Tensor], Gradients]] = {
    nn.Linear: _linear,
    MaskedLinear: _linear,
    nn.LayerNorm: _layer_norm,
    nn.Embedding: _embedding,
    Prompt: _prompt,
}
