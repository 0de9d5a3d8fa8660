"""Attribute inference: guess from the mean of a sentence's states who wrote it, or another attribute of the sentence.

The attacker has other sentences whose attribute is known, noised as the customer noises, and fits a linear classifier.
"""

import numpy as np
import torch
from torch.nn import functional

from privatune.core.errors import PrivatuneError

_STRENGTHS = (1e-4, 1e-3, 1e-2, 1e-1)  # of the penalty on the squared weights
_HELD_OUT = 5  # every fifth known sentence decides on the strength
_STEPS = 60  # of L-BFGS


def means(states: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """[n, hidden] float32: the mean state of each sentence; see `attacks.inversion.attack.Sent` for the arguments."""
    sums = np.add.reduceat(states.astype(np.float64), offsets[:-1], axis=0)
    return (sums / np.diff(offsets)[:, None]).astype(np.float32)


def attribute_guesses(known: np.ndarray, attributes: np.ndarray, sent: np.ndarray) -> np.ndarray:
    """Return [sent] int64: the attribute that a multinomial logistic regression gives to each sent sentence.

    Args:
        known: [n, hidden] means of sentences whose attribute the attacker knows.
        attributes: [n] int64, their attributes, counted from 0.
        sent: [sent, hidden] means of the sentences to attack.

    Raises:
        PrivatuneError: the attacker knows fewer than two sentences, or only one attribute.
    """
    if len(known) < 2 or len(np.unique(attributes)) < 2:
        raise PrivatuneError("attributes: the attacker needs known sentences with at least two different attributes")
    centre, spread = known.mean(0), known.std(0) + 1e-6
    inputs, targets = torch.from_numpy((known - centre) / spread).float(), torch.from_numpy(attributes.astype(np.int64))
    classes = int(targets.max()) + 1
    held_out = torch.arange(len(inputs)) % _HELD_OUT == _HELD_OUT - 1

    def held_out_share(strength: float) -> float:
        scores = _scores(_fitted(inputs[~held_out], targets[~held_out], classes, strength), inputs[held_out])
        return float((scores.argmax(1) == targets[held_out]).float().mean()) if held_out.any() else 0.0

    weights = _fitted(inputs, targets, classes, max(_STRENGTHS, key=held_out_share))
    return _scores(weights, torch.from_numpy((sent - centre) / spread).float()).argmax(1).numpy()


def _scores(weights: torch.Tensor, inputs: torch.Tensor) -> torch.Tensor:
    return inputs @ weights[:-1] + weights[-1]


def _fitted(inputs: torch.Tensor, targets: torch.Tensor, classes: int, strength: float) -> torch.Tensor:
    """[hidden + 1, classes]: weights, and the offsets in the last row."""
    weights = torch.zeros(inputs.shape[1] + 1, classes, requires_grad=True)
    optimizer = torch.optim.LBFGS([weights], max_iter=_STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        value = functional.cross_entropy(_scores(weights, inputs), targets) + strength * weights[:-1].square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    return weights.detach()
