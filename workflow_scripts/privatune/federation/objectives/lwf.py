"""Learning without forgetting (Popov et al. 2018): the model that arrived teaches beside the person's text."""

import numpy as np

from privatune.federation.settings import ClientSettings
from privatune.federation.task import Task


def task(user: np.ndarray, general: np.ndarray, settings: ClientSettings, rng: np.random.Generator) -> Task:
    """Train on `user`; the arrived model's distribution has weight 1 - user_share in each target."""
    return Task(text=user, user_tokens=len(user), hard_share=settings.user_share)


def uses(settings: ClientSettings) -> set[str]:
    """The weight of the teacher."""
    return {"user_share"}
