"""Attribute inference: guess from the mean of a sentence's states who wrote it, or another attribute of the sentence.

The attacker has other sentences whose attribute is known, noised as the customer noises, and fits a linear classifier.
"""

import numpy as np
from scipy.optimize import minimize
from scipy.special import log_softmax

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
    inputs, targets = ((known - centre) / spread).astype(np.float64), attributes.astype(np.int64)
    held_out = np.arange(len(inputs)) % _HELD_OUT == _HELD_OUT - 1

    def held_out_share(strength: float) -> float:
        if not held_out.any():
            return 0.0
        weights = _fitted(inputs[~held_out], targets[~held_out], strength)
        return float((_guessed(weights, inputs[held_out]) == targets[held_out]).mean())

    return _guessed(_fitted(inputs, targets, max(_STRENGTHS, key=held_out_share)), (sent - centre) / spread)


def _guessed(weights: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    return (inputs @ weights[:-1] + weights[-1]).argmax(1)


def _fitted(inputs: np.ndarray, targets: np.ndarray, strength: float) -> np.ndarray:
    """[hidden + 1, classes]: weights, and the offsets in the last row."""
    n, classes = len(inputs), int(targets.max()) + 1
    shape = (inputs.shape[1] + 1, classes)

    def loss(values: np.ndarray) -> tuple[float, np.ndarray]:
        """Mean cross entropy with the penalty, and its gradient."""
        weights = values.reshape(shape)
        logs = log_softmax(inputs @ weights[:-1] + weights[-1], axis=1)
        errors = np.exp(logs)
        errors[np.arange(n), targets] -= 1
        gradient = np.vstack([inputs.T @ errors / n + 2 * strength * weights[:-1], errors.mean(0)])
        penalty = strength * float(np.square(weights[:-1]).sum())
        return penalty - float(logs[np.arange(n), targets].mean()), gradient.ravel()

    start = np.zeros(shape[0] * classes)
    return minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}).x.reshape(shape)
