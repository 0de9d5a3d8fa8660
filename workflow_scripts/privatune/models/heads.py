"""Heads, which score the classes from the vector of a sentence."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from privatune.core.errors import PrivatuneError
from privatune.models.classifier_settings import HeadSettings, PromptHead

SPREAD = 0.02  # standard deviation of initial weights, as in BERT (Devlin et al. 2019)


def head(settings: HeadSettings, phrases: np.ndarray, rng: np.random.Generator) -> nn.Module:
    """Make a head, a module from sentence vectors [batch, hidden] to logits [batch, classes].

    Args:
        settings: the head's settings.
        phrases: [classes, hidden] the encoder's vectors of the labels' phrases, or zeros where there are no phrases;
            `linear` takes only their shape.
        rng: draws the initial weights of `linear`.

    Raises:
        PrivatuneError: a prompt head without phrases.
    """
    if isinstance(settings, PromptHead):
        if not phrases.any():
            raise PrivatuneError(
                "head prompt: the set of sentences has no phrases; set its `phrases` in `sentences:`, or choose linear"
            )
        return Prompt(torch.tensor(phrases, dtype=torch.float32), settings.scale)
    classes, hidden = phrases.shape
    linear = nn.Linear(hidden, classes, device="meta").to_empty(device="cpu")
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(rng.normal(0, SPREAD, (classes, hidden))))
        linear.bias.zero_()
    return linear


class Prompt(nn.Module):
    """`scale` times the cosine between a sentence's vector and the vector of each class, `weight` [classes, hidden].

    The class vectors start as `phrases`. Before any training, the best class is therefore the one whose phrase is
    nearest to the sentence: the zero-shot prediction.
    """

    def __init__(self, phrases: torch.Tensor, scale: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(phrases)
        self.scale = scale

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Logits [batch, classes] of sentence vectors [batch, hidden]."""
        return self.scale * functional.linear(functional.normalize(vectors), functional.normalize(self.weight))
