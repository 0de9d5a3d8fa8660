"""The inner step of all language-model training: one SGD step with a clipped gradient on one window of text.

Half of the arithmetic is the softmax over the vocabulary, so its gradient is written out: it is formed in the buffer
that holds the probabilities, and no graph is kept for it. Only the recurrent layers go through autograd. Buffers of the
vocabulary's size are kept between steps, because freeing them and allocating them again costs more than filling them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from privatune.core.tensors import Arrays
from privatune.models.checkpoint import PRECISIONS, use
from privatune.models.network import State, Weights, hidden_states, is_layer, logits, output_weight
from privatune.models.settings import NumericsSettings


class Loss(NamedTuple):
    """A sum of negative log-likelihoods in nats, and the number of targets that it runs over."""

    total: float
    targets: int


@dataclass(frozen=True)
class Learner:
    """A model in training: its float32 weights, copies of them in the precision of the products, and buffers."""

    weights: Weights
    computing: Weights
    buffers: dict[str, torch.Tensor]


def learner(weights: Weights, precision: torch.dtype) -> Learner:
    """Make a model ready for `train_step`, which changes `weights` in place."""
    computing = {name: weight.to(precision, copy=True) for name, weight in weights.items()}
    for name, weight in computing.items():
        if is_layer(name):
            weight.requires_grad_()
    return Learner(weights, computing, {})


def learner_of(arrays: Arrays, numerics: NumericsSettings) -> Learner:
    """Make a model ready for `train_step`, on the accelerator and in the precision that `numerics` sets.

    The arrays are copied and never changed. This calls `use`, so that no caller can forget it, and raises its errors.
    """
    device = use(numerics)
    weights = {name: torch.tensor(array, device=device) for name, array in arrays.items()}
    return learner(weights, PRECISIONS[numerics.precision])


def _buffer(learner: Learner, name: str, rows: int, columns: int, dtype: torch.dtype) -> torch.Tensor:
    held = learner.buffers.get(name)
    if held is None or held.numel() < rows * columns:
        device = learner.weights["embedding"].device
        held = learner.buffers[name] = torch.empty(rows * columns, dtype=dtype, device=device)
    return held[: rows * columns].view(rows, columns)


def _probabilities(learner: Learner, hidden: torch.Tensor) -> torch.Tensor:
    weight = output_weight(learner.computing)
    scores = _buffer(learner, "probabilities", len(hidden), len(weight), weight.dtype)
    logits(learner.computing, hidden, scores)
    return torch.ops.aten._softmax.out(scores, 1, False, out=scores)


def predict(learner: Learner, inputs: torch.Tensor, state: State) -> tuple[torch.Tensor, State]:
    """Predict the next word without dropout: [time * batch, vocabulary], which the next call overwrites."""
    with torch.no_grad():
        hidden, state = hidden_states(learner.computing, learner.computing["embedding"][inputs], state)
        return _probabilities(learner, hidden.flatten(0, 1)), state


def train_step(
    learner: Learner,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    state: State,
    learning_rate: float,
    clip: float,
    masks: torch.Tensor | None = None,
    teacher: torch.Tensor | None = None,
    hard_share: float = 1.0,
) -> tuple[Loss, State]:
    """Take one SGD step on the loss, summed over time and averaged over the batch (as in Zaremba et al. 2014).

    The target distribution is hard_share * one-hot(target) + (1 - hard_share) * teacher (Popov et al. 2018, LwF).

    Args:
        learner: the model, which is changed in place.
        inputs: word ids [time, batch].
        targets: the words that follow them [time, batch].
        state: state of the layers before the window.
        learning_rate: factor of the clipped gradient.
        clip: largest L2 norm of the whole gradient.
        masks: dropout masks, as `hidden_states` takes them.
        teacher: distributions over the next word [time * batch, vocabulary]; without them hard_share must be 1.

    Returns:
        The loss on the hard targets before the step, and the state after the window, detached from its history.
    """
    loss, after, gradients, to_inputs = _backward(learner, inputs, targets, state, masks, teacher, hard_share)
    _descend(learner, gradients, inputs.flatten(), to_inputs, learning_rate, clip)
    return loss, after


def gradient(
    learner: Learner,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    state: State,
    masks: torch.Tensor | None = None,
) -> tuple[Weights, Loss, State]:
    """Return the whole, unclipped gradient that `train_step` would apply, and change nothing.

    The arguments are those of `train_step`, and so are the loss and the state that are also returned. The gradient is
    float32 in the shapes of the weights; the next call overwrites it.
    """
    loss, after, gradients, to_inputs = _backward(learner, inputs, targets, state, masks, None, 1.0)
    embedding = gradients.setdefault("embedding", torch.zeros_like(learner.weights["embedding"]))
    embedding.index_add_(0, inputs.flatten(), to_inputs)
    return gradients, loss, after


def descend(learner: Learner, update: Mapping[str, np.ndarray], learning_rate: float) -> None:
    """Subtract from the weights `learning_rate` times an update, which has their shapes."""
    with torch.no_grad():
        for name, change in update.items():
            weight = learner.weights[name]
            weight.sub_(torch.from_numpy(change).to(weight), alpha=learning_rate)
            learner.computing[name].copy_(weight)


def _backward(
    learner: Learner,
    inputs: torch.Tensor,
    targets: torch.Tensor,
    state: State,
    masks: torch.Tensor | None,
    teacher: torch.Tensor | None,
    hard_share: float,
) -> tuple[Loss, State, Weights, torch.Tensor]:
    """Return loss, next state, gradients without the embedding's share as an input, and that share [words, hidden]."""
    computing = learner.computing
    layers = {name: weight for name, weight in computing.items() if is_layer(name)}
    embedded = computing["embedding"][inputs].requires_grad_()
    hidden, after = hidden_states(computing, embedded, state, masks)
    flat, labels, batch = hidden.detach().flatten(0, 1), targets.flatten(), inputs.shape[1]

    gradient = _probabilities(learner, flat)
    of_label = torch.arange(len(labels), device=labels.device) * gradient.shape[1] + labels
    likelihood = gradient.view(-1)[of_label].float()
    loss = Loss(-float(likelihood.clamp_min(1e-30).log().sum()), len(labels))
    if teacher is not None:
        gradient.sub_(teacher, alpha=1.0 - hard_share)
    gradient.view(-1)[of_label] -= hard_share

    to_output = _buffer(learner, "to_output", gradient.shape[1], flat.shape[1], flat.dtype)
    torch.mm(gradient.t(), flat / batch, out=to_output)
    to_bias = flat.new_full((1, len(labels)), 1.0 / batch) @ gradient
    to_hidden = (gradient @ output_weight(computing)).div_(batch).view_as(hidden)
    *to_layers, to_embedded = torch.autograd.grad(hidden, [*layers.values(), embedded], to_hidden)

    wide = _buffer(learner, "wide", len(to_output), flat.shape[1], torch.float32).copy_(to_output)
    gradients = {name: to_layer.float() for name, to_layer in zip(layers, to_layers, strict=True)}
    gradients |= {"output.bias": to_bias[0].float(), _output_name(computing): wide}
    return loss, tuple((h.detach(), c.detach()) for h, c in after), gradients, to_embedded.flatten(0, 1).float()


def _square(gradient: torch.Tensor) -> float:
    """Return the sum of squares, to the same bits with any number of threads: their number does not order the sum."""
    of_rows = torch.linalg.vector_norm(gradient, dim=-1, dtype=torch.float32)
    return float(np.square(of_rows.cpu().numpy(), dtype=np.float64).sum())


def _output_name(weights: Weights) -> str:
    return "output.weight" if "output.weight" in weights else "embedding"


def _descend(
    learner: Learner,
    gradients: Weights,
    inputs: torch.Tensor,
    to_inputs: torch.Tensor,
    learning_rate: float,
    clip: float,
) -> None:
    # a window has few words, so the gradient of their embeddings stays sparse; it enters the norm by |a + b|^2
    words, place = torch.unique(inputs, return_inverse=True)
    to_words = to_inputs.new_zeros(len(words), to_inputs.shape[1]).index_add_(0, place, to_inputs)
    squared = sum(map(_square, [*gradients.values(), to_words]))
    if "embedding" in gradients:
        squared += 2.0 * float((gradients["embedding"][words] * to_words).sum())
    rate = -learning_rate * min(1.0, clip / max(squared, 1e-30) ** 0.5)
    with torch.no_grad():
        for name, gradient in gradients.items():
            learner.weights[name].add_(gradient, alpha=rate)
        embedding = learner.weights["embedding"].index_add_(0, words, to_words, alpha=rate)
        for name in gradients:
            learner.computing[name].copy_(learner.weights[name])
        if "embedding" not in gradients:
            learner.computing["embedding"][words] = embedding[words].to(learner.computing["embedding"].dtype)
