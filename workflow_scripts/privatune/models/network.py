"""The language models behind one set of functions.

Every model has `embedding` [vocabulary, width], `output.bias` and perhaps `output.weight`. The names of its other
weights, those of the layers, begin with its kind, which the header of a model's file also states.
"""

from collections.abc import Iterable

import numpy as np
import torch

from privatune.core.errors import PrivatuneError
from privatune.models import cifg, lstm
from privatune.models.lstm import State, Weights
from privatune.models.settings import CifgSettings, ModelSettings

__all__ = [
    "State",
    "Weights",
    "hidden_states",
    "initial_weights",
    "is_layer",
    "kind_of",
    "logits",
    "output_weight",
    "zero_state",
]

KINDS = {"lstm": lstm, "cifg": cifg}


def initial_weights(settings: ModelSettings, vocabulary: int, rng: np.random.Generator) -> Weights:
    """Weights of an untrained model; see `lstm.initial_weights` and `cifg.initial_weights`."""
    if isinstance(settings, CifgSettings):
        return cifg.initial_weights(settings, vocabulary, rng)
    return lstm.initial_weights(settings, vocabulary, rng)


def kind_of(names: Iterable[str]) -> str:
    """The kind of the model whose weights have these names.

    Raises:
        PrivatuneError: the kind is unknown, or there is not exactly one.

    >>> kind_of(["embedding", "cifg.0.projection", "output.bias"])
    'cifg'
    """
    kinds = {name.split(".")[0] for name in names if is_layer(name)}
    if len(kinds) != 1 or not kinds <= KINDS.keys():
        raise PrivatuneError(
            f"the model has layers of kind {', '.join(sorted(kinds)) or 'none'}; known kinds are {', '.join(KINDS)}: "
            "delete the model's file and run again"
        )
    return kinds.pop()


def is_layer(name: str) -> bool:
    """Whether the weight with this name belongs to a recurrent layer.

    >>> [name for name in ("embedding", "lstm.0.bias", "cifg.0.projection", "output.bias") if is_layer(name)]
    ['lstm.0.bias', 'cifg.0.projection']
    """
    return name.split(".")[0] not in ("embedding", "output")


def output_weight(weights: Weights) -> torch.Tensor:
    """The output layer's matrix [vocabulary, width], tied or not."""
    return weights.get("output.weight", weights["embedding"])


def logits(weights: Weights, hidden: torch.Tensor, out: torch.Tensor | None = None) -> torch.Tensor:
    """Scores of every word [n, vocabulary] from the layers' output `hidden` [n, width]; written to `out` if given."""
    return torch.addmm(weights["output.bias"], hidden, output_weight(weights).t(), out=out)


def zero_state(weights: Weights, batch: int) -> State:
    """The state before the first word: one (h, c) per layer."""
    return KINDS[kind_of(weights)].zero_state(weights, batch)


def hidden_states(
    weights: Weights, embedded: torch.Tensor, state: State, masks: torch.Tensor | None = None
) -> tuple[torch.Tensor, State]:
    """Run the layers over embedded words [time, batch, width]; see `lstm.hidden_states`."""
    return KINDS[kind_of(weights)].hidden_states(weights, embedded, state, masks)
