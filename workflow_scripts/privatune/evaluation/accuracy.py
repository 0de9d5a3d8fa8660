"""Measure how many sentences a classifier labels correctly, and how this varies with the choice of sentences."""

import numpy as np
import torch

from privatune.core.streams import stream
from privatune.evaluation.resampling import resamples
from privatune.models.classifier import classifier
from privatune.models.classifier_settings import HeadScope, PromptHead
from privatune.training.examples import Examples, minibatches

MOST_TOKENS = 8192  # rows of a minibatch, with padding
RESAMPLES = 200  # of the test sentences, for the error that comes from their choice


def predictions(
    classifier: torch.nn.Module, examples: Examples, device: torch.device | str = "cpu", most_tokens: int = MOST_TOKENS
) -> np.ndarray:
    """Return the class with the highest score for each example, [n] int64; the arguments are those of `logits`."""
    return logits(classifier, examples, device, most_tokens).argmax(1)


def logits(
    classifier: torch.nn.Module, examples: Examples, device: torch.device | str = "cpu", most_tokens: int = MOST_TOKENS
) -> np.ndarray:
    """Return the scores of all classes for each example, [n, classes] float32, in the order of the examples.

    With fewer rows in a minibatch, `most_tokens`, several blocks take less time, because what one leaves is still in
    the processor's cache.
    """
    n = len(examples.labels)
    # each minibatch holds the next longest examples, so the same stable order tells whose scores they are
    order, parts = np.argsort(-examples.lengths, kind="stable"), []
    with torch.inference_mode():
        for inputs, mask, _ in minibatches(examples, np.arange(n), most_tokens, device):
            parts.append(classifier(inputs, mask).float().cpu().numpy())
    found = np.empty_like(scores := np.concatenate(parts or [np.empty((0, 1), np.float32)]))
    found[order] = scores
    return found


def accuracy(predicted: np.ndarray, labels: np.ndarray) -> float:
    """Return the percentage of predictions that equal the labels.

    >>> accuracy(np.array([0, 1, 1, 1]), np.array([0, 1, 0, 1]))
    75.0
    """
    return 100 * float(np.mean(predicted == labels))


def zero_shot(phrases: np.ndarray, vectors: Examples, device: torch.device | str = "cpu") -> float | None:
    """Return the accuracy of the nearest phrase, in percent; null where labels have no phrases.

    Args:
        phrases: [classes, hidden] vectors of the labels' phrases, or zeros where there are none.
        vectors: sentence vectors with their labels.
        device: where to compute.
    """
    if not phrases.any():
        return None
    untrained = classifier(HeadScope(), PromptHead(), phrases, stream(0, "unused")).to(device)
    return accuracy(predictions(untrained, vectors, device), vectors.labels)


def resampled(predicted: np.ndarray, labels: np.ndarray, seed: int, name: str) -> list[float]:
    """Return the accuracy on each of 200 resamples of the sentences, the same ones for every classifier of a set.

    Args:
        predicted, labels: [n] int64.
        seed, name: the seed of the split and the name of the set.
    """
    weights = resamples(len(labels), RESAMPLES, seed, name)
    return [round(value, 4) for value in (100 * (weights @ (predicted == labels)) / weights.sum(1)).tolist()]
