"""What the vendor does with the states that it is sent: it fine-tunes its part of the encoder, and predicts."""

from collections.abc import Iterable

import numpy as np
import torch

from privatune.core.streams import stream, stream_key
from privatune.evaluation.accuracy import predictions
from privatune.models.checkpoint import PRECISIONS, use
from privatune.models.classifier_settings import LinearHead
from privatune.models.encoder import Encoder, through
from privatune.models.settings import NumericsSettings
from privatune.systems.split.cut import Top, top
from privatune.systems.split.top_settings import SplitTopSettings
from privatune.training.examples import Examples, Minibatch, minibatches
from privatune.training.first_order import FirstOrder, train
from privatune.training.sampling import poisson

_TOKENS = 512  # rows of a minibatch, with padding; with 1,024 a step takes a fifth longer


def fine_tuned(
    encoder: Encoder,
    cut: int,
    examples: Examples,
    phrases: np.ndarray,
    settings: SplitTopSettings,
    seed: int,
    numerics: NumericsSettings,
) -> Top:
    """Train the vendor's part on states that it was sent once, and return it.

    Args:
        encoder: a whole encoder, which stays as it is.
        cut: after how many blocks the states left the customer.
        examples: the states of the training part, privatised, with their labels.
        phrases: [classes, hidden] vectors of the labels' phrases, or zeros where there are no phrases.
        settings: how to train.
        seed: decides the initial weights and the minibatches.
        numerics: how to compute.

    Raises the errors of `top` and of training/first_order.py.
    """
    device = use(numerics)
    model = top(encoder, cut, settings.scope, LinearHead(), phrases, stream(seed, "split top")).to(device)
    n, key = len(examples.labels), stream_key(seed, "split minibatches")
    batch = min(settings.batch, n)
    with _precision(numerics):
        advanced = _advanced(model, examples, device)

    def batches(step: int) -> Iterable[Minibatch]:
        return minibatches(advanced, poisson(n, batch / n, key, step), _TOKENS, device)

    choices = FirstOrder(settings.steps, batch, settings.rate, decays=True)
    train(model.classifier, batches, choices, precision=PRECISIONS[numerics.precision])
    return model


def predicted(model: Top, examples: Examples, numerics: NumericsSettings) -> np.ndarray:
    """[n] int64: the class of each example, by a trained top."""
    with _precision(numerics):
        return predictions(model, examples, numerics.accelerator, _TOKENS)


def _precision(numerics: NumericsSettings) -> torch.autocast:
    return torch.autocast(numerics.accelerator, torch.bfloat16, enabled=numerics.precision == "bfloat16")


def _advanced(model: Top, examples: Examples, device: torch.device) -> Examples:
    """The examples as states [tokens, hidden] after the frozen blocks, as the bits of bfloat16 in uint16."""
    if not len(model.frozen):
        return examples
    n = len(examples.labels)
    starts = np.cumsum(examples.lengths) - examples.lengths
    states = np.empty((int(examples.lengths.sum()), examples.values.shape[1]), np.uint16)
    numbered = examples._replace(labels=np.arange(n))
    for inputs, mask, rows in minibatches(numbered, np.arange(n), _TOKENS, device):
        with torch.inference_mode():
            found = through(model.frozen, inputs, mask)[mask]
        places = starts[rows.cpu().numpy()][:, None] + np.arange(mask.shape[1])
        states[places[mask.cpu().numpy()]] = found.bfloat16().cpu().view(torch.int16).numpy().view(np.uint16)
    return Examples(states, starts, examples.lengths, examples.labels)
