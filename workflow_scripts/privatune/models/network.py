"""The language models behind one set of functions; a model's kind is told by the names of its weights.

Every model has `embedding` [vocabulary, width] and `output.bias`, perhaps `output.weight`, and between them layers
whose names begin with its kind. So a model that comes from disk, or over the wire, needs nothing beside it.
"""

import numpy as np
import torch

from privatune.models import cifg, lstm
from privatune.models.lstm import State, Weights
from privatune.models.settings import CifgSettings, ModelSettings

__all__ = ["State", "Weights", "hidden_states", "initial_weights", "is_layer", "output_weight", "zero_state"]


def initial_weights(settings: ModelSettings, vocabulary: int, rng: np.random.Generator) -> Weights:
    """Weights of an untrained model of the kind that its settings name: see there."""
    if isinstance(settings, CifgSettings):
        return cifg.initial_weights(settings, vocabulary, rng)
    return lstm.initial_weights(settings, vocabulary, rng)


def is_layer(name: str) -> bool:
    """Whether a weight belongs to a recurrent layer.

    >>> [name for name in ("embedding", "lstm.0.bias", "cifg.0.projection", "output.bias") if is_layer(name)]
    ['lstm.0.bias', 'cifg.0.projection']
    """
    return name.split(".")[0] not in ("embedding", "output")


def output_weight(weights: Weights) -> torch.Tensor:
    """The output layer's matrix [vocabulary, width], tied or not."""
    return weights.get("output.weight", weights["embedding"])


def zero_state(weights: Weights, batch: int) -> State:
    """The state before the first word: one (h, c) a layer."""
    return (cifg if "cifg.0.bias" in weights else lstm).zero_state(weights, batch)


def hidden_states(
    weights: Weights, embedded: torch.Tensor, state: State, masks: torch.Tensor | None = None
) -> tuple[torch.Tensor, State]:
    """Run the layers over embedded words [time, batch, width]; see `lstm.hidden_states`."""
    return (cifg if "cifg.0.bias" in weights else lstm).hidden_states(weights, embedded, state, masks)
