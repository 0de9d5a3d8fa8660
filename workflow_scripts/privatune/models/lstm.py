"""The LSTM language model of Zaremba, Sutskever, Vinyals (2014): functions over a dictionary of named weights."""

import numpy as np
import torch

from privatune.models.settings import LstmSettings

Weights = dict[str, torch.Tensor]
State = tuple[tuple[torch.Tensor, torch.Tensor], ...]  # one (h, c) per layer, each [1, batch, hidden]


def initial_weights(settings: LstmSettings, vocabulary: int, rng: np.random.Generator) -> Weights:
    """Draw weights uniformly within +-0.1, as in Zaremba's small model.

    Biases are zero, except that of the forget gate, which is one.

    Returns:
        float32 tensors: embedding [vocabulary, hidden]; for each layer, input and recurrent [4 hidden, hidden] and
        bias [4 hidden], with the gates in the order input, forget, cell, output; output.bias [vocabulary]; and, unless
        the output layer is tied, output.weight [vocabulary, hidden].
    """
    hidden = settings.hidden

    def uniform(*shape: int) -> torch.Tensor:
        return torch.from_numpy(rng.uniform(-0.1, 0.1, shape).astype(np.float32))

    weights = {"embedding": uniform(vocabulary, hidden)}
    for layer in range(settings.layers):
        weights[f"lstm.{layer}.input"] = uniform(4 * hidden, hidden)
        weights[f"lstm.{layer}.recurrent"] = uniform(4 * hidden, hidden)
        bias = torch.zeros(4 * hidden)
        bias[hidden : 2 * hidden] = 1.0
        weights[f"lstm.{layer}.bias"] = bias
    weights["output.bias"] = torch.zeros(vocabulary)
    if not settings.tied:
        weights["output.weight"] = uniform(vocabulary, hidden)
    return weights


def layer_count(weights: Weights) -> int:
    """The number of LSTM layers.

    >>> layer_count({"lstm.0.bias": torch.zeros(4), "lstm.1.bias": torch.zeros(4)})
    2
    """
    return sum(name.endswith(".bias") and name.startswith("lstm.") for name in weights)


def zero_state(weights: Weights, batch: int) -> State:
    """The state before the first word: for each layer (h, c), each [1, batch, hidden]."""
    embedding = weights["embedding"]
    zero = embedding.new_zeros(1, batch, embedding.shape[1])
    return tuple((zero, zero) for _ in range(layer_count(weights)))


def hidden_states(
    weights: Weights, embedded: torch.Tensor, state: State, masks: torch.Tensor | None = None
) -> tuple[torch.Tensor, State]:
    """Run the layers over embedded words.

    Args:
        weights: As `initial_weights` returns them, in any precision.
        embedded: [time, batch, hidden], in the weights' precision.
        state: The state of each layer before the first word.
        masks: Dropout masks [layers + 1, time, batch, hidden], already divided by the share that is kept. They apply
            to the input of each layer and to the output of the last one, never to the recurrent connections.

    Returns:
        The last layer's output [time, batch, hidden] and the state after the last word.
    """
    # on a GPU gradients need a forward pass in training mode; as torch's own dropout is 0, nothing else depends on it
    learning = torch.is_grad_enabled()
    after = []
    output = embedded
    for layer, (h, c) in enumerate(state):
        names = [f"lstm.{layer}.{part}" for part in ("input", "recurrent", "bias")]
        parameters = [weights[name] for name in names]
        # torch expects two biases; Zaremba's cell has one
        parameters.append(torch.zeros_like(parameters[2]))
        if masks is not None:
            output = output * masks[layer]
        output, h, c = torch.lstm(output, (h, c), parameters, True, 1, 0.0, learning, False, False)
        after.append((h, c))
    return (output if masks is None else output * masks[-1]), tuple(after)
