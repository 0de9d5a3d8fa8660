"""The CIFG-LSTM language model of Ramaswamy et al. (2020): functions over a dictionary of named weights.

CIFG couples the input gate to the forget gate, i = 1 - f (Greff et al. 2017). The next step and the next layer read a
projection of the units (Sak, Senior, Beaufays 2014). The embedding and the output layer share one matrix.

torch.lstm can compute the same, since sigmoid(-x) = 1 - sigmoid(x), but it has no fast path for projections: training
took 1.2 to 1.5 times as long as here, where weight gradients take one product per window instead of one per word.
"""

from typing import Any

import numpy as np
import torch

from privatune.models.lstm import State, Weights
from privatune.models.settings import CifgSettings

PARTS = ("input", "recurrent", "bias", "projection")


def initial_weights(settings: CifgSettings, vocabulary: int, rng: np.random.Generator) -> Weights:
    """Draw weights uniformly within +-1 / sqrt(projection), which is 0.1 at the paper's size.

    Biases are zero, except that of the forget gate, which is one.

    Returns:
        float32 tensors: embedding [vocabulary, projection]; for each layer, input and recurrent [3 hidden, projection],
        bias [3 hidden] and projection [projection, hidden]; output.bias [vocabulary]. The gates are in the order
        forget, output, cell.
    """
    hidden, width = settings.hidden, settings.projection
    bound = width**-0.5  # with 0.1 a smaller model hardly learns, since its layers pass on too weak a signal

    def uniform(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.uniform(-bound, bound, shape).astype(np.float32))

    weights = {"embedding": uniform(vocabulary, width)}
    for layer in range(settings.layers):
        weights[f"cifg.{layer}.input"] = uniform(3 * hidden, width)
        weights[f"cifg.{layer}.recurrent"] = uniform(3 * hidden, width)
        bias = torch.zeros(3 * hidden)
        bias[:hidden] = 1.0
        weights[f"cifg.{layer}.bias"] = bias
        weights[f"cifg.{layer}.projection"] = uniform(width, hidden)
    weights["output.bias"] = torch.zeros(vocabulary)
    return weights


def zero_state(weights: Weights, batch: int) -> State:
    """The state before the first word: for each layer (h [1, batch, projection], c [1, batch, hidden])."""
    projections = [weight for name, weight in weights.items() if name.endswith(".projection")]
    return tuple(tuple(weight.new_zeros(1, batch, size) for size in weight.shape) for weight in projections)  # type: ignore[misc]


def hidden_states(
    weights: Weights, embedded: torch.Tensor, state: State, masks: torch.Tensor | None = None
) -> tuple[torch.Tensor, State]:
    """Run the layers over embedded words.

    Args:
        weights: As `initial_weights` returns them, in any precision.
        embedded: [time, batch, projection], in the weights' precision.
        state: The state of each layer before the first word.
        masks: Dropout masks [layers + 1, time, batch, projection]; see `lstm.hidden_states`.

    Returns:
        The last layer's output [time, batch, projection] and the state after the last word.
    """
    after = []
    output = embedded
    for layer, (h, c) in enumerate(state):
        if masks is not None:
            output = output * masks[layer]
        parameters = [weights[f"cifg.{layer}.{part}"] for part in PARTS]
        output, cell = _Layer.apply(output, h[0], c[0], *parameters)
        after.append((output[-1:], cell[None]))
    return (output if masks is None else output * masks[-1]), tuple(after)


class _Layer(torch.autograd.Function):
    """One layer over a window: outputs [time, batch, projection] and the last cells [batch, hidden]."""

    @staticmethod
    def forward(ctx: Any, *arguments: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        read, h, c, to_gates, recurrent, bias, projection = arguments
        time, batch, _ = read.shape
        hidden = projection.shape[1]
        gates = torch.addmm(bias, read.flatten(0, 1), to_gates.t()).view(time, batch, 3 * hidden)
        outputs, cells = read.new_empty(time + 1, *h.shape), read.new_empty(time + 1, *c.shape)
        outputs[0], cells[0] = h, c
        squashed, units = read.new_empty(time, *c.shape), read.new_empty(time, *c.shape)
        for t in range(time):
            now = gates[t].addmm_(outputs[t], recurrent.t())
            now[:, : 2 * hidden].sigmoid_()
            now[:, 2 * hidden :].tanh_()
            f, o, g = now.split(hidden, 1)
            torch.lerp(g, cells[t], f, out=cells[t + 1])  # f c + (1 - f) g
            torch.tanh(cells[t + 1], out=squashed[t])
            torch.mul(o, squashed[t], out=units[t])
            torch.mm(units[t], projection.t(), out=outputs[t + 1])
        ctx.save_for_backward(read, to_gates, recurrent, projection, gates, outputs, cells, squashed, units)
        return outputs[1:], cells[-1]

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> tuple[torch.Tensor, ...]:
        read, to_gates, recurrent, projection, gates, outputs, cells, squashed, units = ctx.saved_tensors
        of_outputs, of_cell = (gradient.clone() for gradient in gradients)
        hidden = projection.shape[1]
        f, o, g = gates.split(hidden, 2)
        # the factors that do not depend on later words are computed for the whole window at once
        of_gates = torch.cat([(cells[:-1] - g) * f * (1 - f), squashed * o * (1 - o), (1 - f) * (1 - g * g)], 2)
        through = o * (1 - squashed * squashed)
        for t in range(len(gates) - 1, -1, -1):
            of_units = of_outputs[t] @ projection
            of_cell.addcmul_(of_units, through[t])
            of_f, of_o, of_g = of_gates[t].split(hidden, 1)
            of_f.mul_(of_cell)
            of_o.mul_(of_units)
            of_g.mul_(of_cell)
            of_cell.mul_(f[t])
            of_h = of_gates[t] @ recurrent
            if t:
                of_outputs[t - 1].add_(of_h)
        flat = of_gates.flatten(0, 1)
        return (
            (flat @ to_gates).view_as(read),
            of_h,
            of_cell,
            flat.t() @ read.flatten(0, 1),
            flat.t() @ outputs[:-1].flatten(0, 1),
            flat.sum(0),
            of_outputs.flatten(0, 1).t() @ units.flatten(0, 1),
        )
