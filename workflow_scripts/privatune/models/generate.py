"""Text from a model: words drawn from its distributions, by uniforms of our own streams."""

import numpy as np
import torch

from privatune.models.network import Weights, hidden_states, logits, zero_state
from privatune.text.settings import EOS, UNK


def draw_words(logits: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """One word a row by the inverse of the cumulative distribution.

    Args:
        logits: [n, vocabulary] float32; minus infinity for a word that may not be drawn.
        uniforms: [n] float64 in [0, 1).

    >>> draw_words(torch.tensor([[0.0, 0.0]]), torch.tensor([0.7])).tolist()
    [1]
    """
    cumulative = torch.softmax(logits, 1).double().cumsum(1)
    drawn = torch.searchsorted(cumulative, (uniforms.double() * cumulative[:, -1])[:, None], right=True)[:, 0]
    return drawn.clamp_max(logits.shape[1] - 1)


def generate(weights: Weights, tokens: int, batch: int, rng: np.random.Generator) -> np.ndarray:
    """Running text [tokens], written in `batch` rows side by side in float32; `<unk>` is never drawn.

    Each row starts after an end of line. Words: int64 ids.
    """
    state = zero_state(weights, batch)
    device = weights["embedding"].device
    words = torch.full((batch,), EOS, device=device)
    columns = []
    with torch.no_grad():
        for _ in range(-(-tokens // batch)):
            hidden, state = hidden_states(weights, weights["embedding"][words][None], state)
            scores = logits(weights, hidden[0])
            scores[:, UNK] = -torch.inf
            words = draw_words(scores, torch.from_numpy(rng.random(batch)).to(device))
            columns.append(words.cpu().numpy())
    return np.stack(columns, 1).ravel()[:tokens]
