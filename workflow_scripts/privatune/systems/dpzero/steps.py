"""Train a classifier by the steps that a method names, with the noise of its mechanism."""

from dataclasses import replace
from functools import partial
from typing import NamedTuple

import torch

from privatune.core.streams import stream
from privatune.models.checkpoint import PRECISIONS
from privatune.models.classifier import Classifier, trained
from privatune.models.classifier_settings import HeadScope
from privatune.models.settings import NumericsSettings
from privatune.privacy.mechanism import Mechanism
from privatune.privacy.step_noise import step_noise
from privatune.systems.dpzero.settings import MethodSettings, ZerothSettings
from privatune.systems.dpzero.terms import expected_batch
from privatune.training import first_order, zeroth_order
from privatune.training.examples import Examples
from privatune.training.first_order import FirstOrder
from privatune.training.sampling import poisson_batches
from privatune.training.zeroth_order import ZerothOrder, linear_logits

MOST_TOKENS = 512  # of a minibatch, with padding; larger ones have more padding, and a step takes longer
MOST_VECTORS = 2048  # of a minibatch of vectors; larger ones may fall out of the cache


class Choice(NamedTuple):
    """A point of the grid; an infinite clip means that nothing is clipped."""

    rate: float
    clip: float


class Draws(NamedTuple):
    """Seeds of a training: `directions` may be public; from `hidden` follow batches and noise."""

    directions: int
    hidden: int


def train(
    model: Classifier,
    examples: Examples,
    method: MethodSettings,
    choice: Choice,
    mechanism: Mechanism | None,
    draws: Draws,
    numerics: NumericsSettings,
) -> None:
    """Train a classifier in place, by exactly the steps of the method; `mechanism` is null without noise.

    Raises the errors of training/first_order.py and training/zeroth_order.py.
    """
    batch, device = expected_batch(len(examples.labels), method), torch.device(numerics.accelerator)
    most = MOST_VECTORS if isinstance(method.scope, HeadScope) else MOST_TOKENS
    batches = poisson_batches(examples, batch, draws.hidden, most, device)
    clipped = replace(mechanism, clip=choice.clip) if mechanism else None
    if isinstance(method.step, ZerothSettings):
        choices = _zeroth(method.step, method.steps, batch, choice, clipped.spacing(choice.clip) if clipped else 0.0)
        _by_forward_passes(model, batches, choices, clipped, draws)
        return
    deviation = clipped.noise_of_sum * clipped.clip if clipped else 0.0
    steps = FirstOrder(method.steps, batch, choice.rate, method.step.optimiser, clip=choice.clip, deviation=deviation)
    noise = partial(stream, draws.hidden, "noise of steps") if clipped else None
    first_order.train(model, batches, steps, noise, PRECISIONS[numerics.precision])


def _by_forward_passes(
    model: Classifier, batches: zeroth_order.Batches, choices: ZerothOrder, mechanism: Mechanism | None, draws: Draws
) -> None:
    noise = None
    if mechanism is not None:
        size = sum(weight.numel() for weight in trained(model).values())
        noise = step_noise(mechanism, size if choices.vector else choices.directions, draws.hidden)
    of_vectors = model.body is None and isinstance(model.head, torch.nn.Linear)
    zeroth_order.train(model, batches, choices, draws.directions, noise, linear_logits if of_vectors else None)


def _zeroth(step: ZerothSettings, steps: int, batch: float, choice: Choice, unit: float) -> ZerothOrder:
    vector = step.noised == "vector"
    return ZerothOrder(steps, batch, choice.rate, step.directions, step.smoothing, choice.clip, unit, vector)


def forwards(method: MethodSettings) -> int:
    """Return how many forward passes over a batch a training makes; a gradient also has a backward pass."""
    return method.steps * (2 * method.step.directions if isinstance(method.step, ZerothSettings) else 1)


def bytes_per_step(method: MethodSettings, parameters: int) -> int:
    """Return what a client would send per step: a seed and its slopes, or one float32 per trained weight.

    Args:
        method: the method.
        parameters: the number of trained weights.
    """
    if isinstance(method.step, ZerothSettings):
        return zeroth_order.bytes_per_step(parameters if method.step.noised == "vector" else method.step.directions)
    return 4 * parameters
