"""Train a classifier by the steps that a method names, with the noise of its mechanism."""

from dataclasses import replace
from typing import NamedTuple

import torch

from privatune.models.checkpoint import PRECISIONS
from privatune.models.classifier import Classifier, trained
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

MOST_TOKENS = 4096  # rows of a minibatch, with padding


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
    batches = poisson_batches(examples, batch, draws.hidden, MOST_TOKENS, device)
    noise, unit = None, 0.0
    if mechanism is not None:
        mechanism = replace(mechanism, clip=choice.clip)
        unit, noise = mechanism.spacing(choice.clip), step_noise(mechanism, _noised(model, method), draws.hidden)
    if isinstance(method.step, ZerothSettings):
        choices = _zeroth(method.step, method.steps, batch, choice, unit)
        of_vectors = model.body is None and isinstance(model.head, torch.nn.Linear)
        zeroth_order.train(model, batches, choices, draws.directions, noise, linear_logits if of_vectors else None)
    else:
        steps = FirstOrder(method.steps, batch, choice.rate, method.step.optimiser, clip=choice.clip, unit=unit)
        first_order.train(model, batches, steps, noise, PRECISIONS[numerics.precision])


def _zeroth(step: ZerothSettings, steps: int, batch: float, choice: Choice, unit: float) -> ZerothOrder:
    vector = step.noised == "vector"
    return ZerothOrder(steps, batch, *(choice.rate, step.directions, step.smoothing, choice.clip, unit, vector))


def _noised(model: Classifier, method: MethodSettings) -> int:
    """Return how many values a step's sum has."""
    if isinstance(method.step, ZerothSettings) and method.step.noised == "scalar":
        return method.step.directions
    return sum(weight.numel() for weight in trained(model).values())


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
        return zeroth_order.bytes_per_step(_zeroth(method.step, 1, 1.0, Choice(1.0, 1.0), 0.5), parameters)
    return 4 * parameters
