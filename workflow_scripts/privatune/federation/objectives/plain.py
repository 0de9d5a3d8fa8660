"""Plain fine-tuning: the person's text alone."""

import numpy as np

from privatune.federation.settings import ClientSettings
from privatune.federation.task import Task


def task(user: np.ndarray, general: np.ndarray, settings: ClientSettings, rng: np.random.Generator) -> Task:
    """Train on `user`, hard targets only."""
    return Task(text=user, user_tokens=len(user))


def uses(settings: ClientSettings) -> set[str]:
    """Nothing beside the person's text."""
    return set()
