"""Plain fine-tuning: the model learns from the person's text alone."""

import numpy as np

from privatune.federation.settings import ClientSettings
from privatune.federation.task import Task


def task(user: np.ndarray, general: np.ndarray, settings: ClientSettings, rng: np.random.Generator) -> Task:
    """Train on `user` with hard targets only."""
    return Task(text=user, user_tokens=len(user))


def uses(settings: ClientSettings) -> set[str]:
    """The task depends on nothing besides the person's text."""
    return set()
