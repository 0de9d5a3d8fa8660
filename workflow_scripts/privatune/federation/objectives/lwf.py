"""Learning without forgetting (Popov et al. 2018): the person's text and the arrived model both teach."""

import numpy as np

from privatune.federation.settings import ClientSettings
from privatune.federation.task import Task


def task(user: np.ndarray, general: np.ndarray, settings: ClientSettings, rng: np.random.Generator) -> Task:
    """Train on `user`; in each target the arrived model's distribution has the weight 1 - user_share."""
    return Task(text=user, user_tokens=len(user), hard_share=settings.user_share)


def uses(settings: ClientSettings) -> set[str]:
    """The task depends on the weight of the teacher."""
    return {"user_share"}
