"""The task that an objective gives to a device."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import numpy as np

from privatune.core.streams import stream
from privatune.federation.settings import ClientSettings


@dataclass(frozen=True)
class Task:
    """The text that a device trains on, and how it does so; an objective's `task` makes it."""

    text: np.ndarray  # word ids [n]: the person's text and the text that the server sent
    user_tokens: int  # how many of these words are the person's own
    sent: np.ndarray | None = None  # word ids that the server sends with the model
    hard_share: float = 1.0  # weight of the hard targets; the rest is the weight of the arrived model's predictions


Objective = Callable[[np.ndarray, np.ndarray, ClientSettings, np.random.Generator], Task]


def visit_task(user: np.ndarray, general: np.ndarray, settings: ClientSettings, key: tuple[int, int, int]) -> Task:
    """Return the task of one visit, made by the objective that `settings` name.

    Args:
        user: the person's word ids [n].
        general: word ids of general training text, from which the server draws the text that it sends with the model.
        settings: settings of the client.
        key: (seed, round, person), which determines the random streams of this visit.
    """
    objective: Objective = _named(settings).task
    seed, *visit = key
    return objective(user, general, settings, stream(seed, "rehearsal", *visit))


def task_uses(settings: ClientSettings) -> set[str]:
    """Return what a task depends on besides the person's text: keys of `settings`, and `general` for general text."""
    return _named(settings).uses(settings)


def _named(settings: ClientSettings) -> ModuleType:
    return import_module(f"privatune.federation.objectives.{settings.objective}")
