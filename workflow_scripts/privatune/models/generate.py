"""Generate text from a model by drawing words from its distributions."""

import numpy as np
import torch

from privatune.models.network import Weights, hidden_states, logits, zero_state
from privatune.text.settings import EOS, UNK


def draw_words(logits: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """Draw one word per row, int64 [n], by inverting the cumulative distribution.

    Args:
        logits: [n, vocabulary] float32; minus infinity for a word that must not be drawn.
        uniforms: [n] float64 in [0, 1).

    >>> draw_words(torch.tensor([[0.0, 0.0]]), torch.tensor([0.7])).tolist()
    [1]
    """
    cumulative = torch.softmax(logits, 1).double().cumsum(1)
    drawn = torch.searchsorted(cumulative, (uniforms.double() * cumulative[:, -1])[:, None], right=True)[:, 0]
    return drawn.clamp_max(logits.shape[1] - 1)


def generate(weights: Weights, tokens: int, batch: int, rng: np.random.Generator) -> np.ndarray:
    """Generate int64 ids [tokens], as `batch` rows in parallel that are then joined; `<unk>` is never drawn.

    Each row starts as if after the end of a line.
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
