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


class Gradients(NamedTuple):
    """The gradients of a layer's parameters by example, as their squared norms [batch] and a way to sum them.

    `total(factors)` returns, by parameter, the sum of all gradients after each is multiplied by its factor [batch].
    """

    squares: Tensor
    total: Callable[[Tensor], dict[str, Tensor]]


def _linear(layer: nn.Linear, inputs: Tensor, gradient: Tensor) -> Gradients:
    """Inputs [batch, ..., d] and gradients of outputs [batch, ..., p]."""
    # in bfloat16 a plain backward pass would also round the inputs
    a = inputs.to(gradient.dtype).float().view(len(inputs), -1, layer.in_features)
    g = gradient.float().view(len(inputs), -1, layer.out_features)
    weight, bias = layer.weight.requires_grad, layer.bias is not None and layer.bias.requires_grad
    if not weight:
        squares = g.sum(1).square().sum(1)
    elif a.shape[1] == 1:
        squares = (vector_norm(a, dim=(1, 2)).square() + bias) * vector_norm(g, dim=(1, 2)).square()
    elif 2 * a.shape[1] ** 2 < a.shape[2] * g.shape[2]:
        # a bias is the weight of an input that is always 1
        squares = ((torch.bmm(a, a.mT) + bias) * torch.bmm(g, g.mT)).sum((1, 2))
    else:
        squares = torch.bmm(g.mT, a).square().sum((1, 2))
        if bias:
            squares = squares + g.sum(1).square().sum(1)

    def total(factors: Tensor) -> dict[str, Tensor]:
        own = {}
        if weight and layer.in_features < layer.out_features:
            own["weight"] = _kept(g, factors).flatten(0, 1).T @ _scaled(a, factors).flatten(0, 1)
        elif weight:
            own["weight"] = _scaled(g, factors).flatten(0, 1).T @ _kept(a, factors).flatten(0, 1)
        if bias:
            own["bias"] = factors.repeat_interleave(g.shape[1]) @ _kept(g, factors).flatten(0, 1)
        return own

    return Gradients(squares.clamp(min=0), total)  # rounding can take a sum of products below 0


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

    def total(factors: Tensor) -> dict[str, Tensor]:
        return {name: (factors @ _kept(each, factors)).view(layer.normalized_shape) for name, each in own.items()}

    return Gradients(sum((each.square().sum(1) for each in own.values()), torch.zeros_like(g[:, 0].sum())), total)


def _embedding(layer: nn.Embedding, inputs: Tensor, gradient: Tensor) -> Gradients:
    """Ids [batch, ...] and gradients of outputs [batch, ..., width]; the padding row has no gradient."""
    ids = inputs.reshape(len(inputs), -1)
    g = gradient.float().reshape(*ids.shape, layer.embedding_dim)
    if layer.padding_idx is not None:
        g = g.masked_fill((ids == layer.padding_idx)[..., None], 0)
    # positions with the same id add to the same row
    same = ids[:, :, None] == ids[:, None, :]
    squares = (torch.bmm(g, g.mT) * same).sum((1, 2))

    def total(factors: Tensor) -> dict[str, Tensor]:
        found = torch.zeros_like(layer.weight, dtype=torch.float32)
        return {"weight": found.index_add_(0, ids.flatten(), _scaled(g, factors).flatten(0, 1))}

    return Gradients(squares.clamp(min=0), total)


def _prompt(layer: Prompt, inputs: Tensor, gradient: Tensor) -> Gradients:
    """Vectors [batch, hidden] and gradients of logits [batch, classes].

    The gradient of a cosine with respect to the vector w of a class is (u - cos * w / |w|) / |w|, with u = v / |v|.
    """
    u, directions = normalize(inputs.float()), normalize(layer.weight.detach())
    cosines = u @ directions.T
    pull = gradient.float() * (layer.scale / layer.weight.detach().norm(dim=1))
    # the length of u - cos * w / |w| is the sine; the last term is more than the cosine's rounding
    squares = (pull.square() * ((1 - cosines.square()).clamp(min=0) + 1e-6)).sum(1)

    def total(factors: Tensor) -> dict[str, Tensor]:
        along = (_scaled(pull, factors) * _kept(cosines, factors)).sum(0)
        return {"weight": _scaled(pull, factors).T @ _kept(u, factors) - along[:, None] * directions}

    return Gradients(squares, total)


def _scaled(x: Tensor, factors: Tensor) -> Tensor:
    """Multiply each example's part of x [batch, ...] by its factor [batch]; zero makes zero even of NaN."""
    return _kept(x, factors) * factors.view(-1, *[1] * (x.dim() - 1))


def _kept(x: Tensor, factors: Tensor) -> Tensor:
    """x [batch, ...] with zeros where the factor is zero, whatever was there."""
    dropped = factors == 0
    return x.masked_fill(dropped.view(-1, *[1] * (x.dim() - 1)), 0) if dropped.any() else x


# by the type of the layer; a derived class may compute something else
RULES: dict[type, Callable[[Any, Tensor, Tensor], Gradients]] = {
    nn.Linear: _linear,
    nn.LayerNorm: _layer_norm,
    nn.Embedding: _embedding,
    Prompt: _prompt,
}
