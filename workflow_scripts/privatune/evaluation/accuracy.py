"""Measure how many sentences a classifier labels correctly, and how this varies with the choice of sentences."""

import numpy as np
import torch

from privatune.evaluation.resampling import resamples
from privatune.training.examples import Examples, minibatches

MOST_TOKENS = 8192  # rows of a minibatch, with padding


def predictions(classifier: torch.nn.Module, examples: Examples, device: torch.device | str = "cpu") -> np.ndarray:
    """Return the class with the highest score for each example, [n] int64, in the order of the examples."""
    found = np.empty(len(examples.labels), np.int64)
    order, done = np.arange(len(found)), 0
    # each minibatch holds the next longest examples, so the same stable order tells whose predictions they are
    order = order[np.argsort(-examples.lengths, kind="stable")]
    with torch.inference_mode():
        for inputs, mask, labels in minibatches(examples, np.arange(len(found)), MOST_TOKENS, device):
            found[order[done : done + len(labels)]] = classifier(inputs, mask).argmax(1).cpu().numpy()
            done += len(labels)
    return found


def accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Return the percentage of predictions that equal the labels.

    >>> accuracy(np.array([0, 1, 1, 1]), np.array([0, 1, 0, 1]))
    75.0
    """
    return 100 * float(np.mean(predicted == labels))


def resampled(predicted: np.ndarray, labels: np.ndarray, count: int, seed: int, name: str) -> list[float]:
    """Return the accuracy on each of `count` resamples of the sentences, the same ones for every classifier of a set.

    Args:
        predicted, labels: [n] int64.
        count: how many resamples.
        seed, name: the seed of the split and the name of the set.
    """
    weights = resamples(len(labels), count, seed, name)
    return [round(value, 4) for value in (100 * (weights @ (predicted == labels)) / weights.sum(1)).tolist()]
