"""What an objective asks of a device."""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from types import ModuleType

import numpy as np

from privatune.core.streams import stream
from privatune.federation.settings import ClientSettings


@dataclass(frozen=True)
class Task:
    """Text to train on and how; made by an objective's `task`."""

    text: np.ndarray  # word ids [n], user text and what was sent together
    user_tokens: int  # how many of them are the person's own
    sent: np.ndarray | None = None  # word ids that the server sends along with the model
    hard_share: float = 1.0  # weight of the hard targets; the arrived model has the rest


Objective = Callable[[np.ndarray, np.ndarray, ClientSettings, np.random.Generator], Task]


def visit_task(user: np.ndarray, general: np.ndarray, settings: ClientSettings, key: tuple[int, int, int]) -> Task:
    """The task of one visit, by the objective that `settings` name.

    Args:
        user: the person's word ids [n].
        general: general training text, word ids, from which the server draws what it sends along.
        settings: of the client.
        key: (seed, round, person) of this visit's random streams.
    """
    objective: Objective = _named(settings).task
    seed, *visit = key
    return objective(user, general, settings, stream(seed, "rehearsal", *visit))


def task_uses(settings: ClientSettings) -> set[str]:
    """What tasks follow from beside the person's text: keys of `settings`, and `general` for general text."""
    return _named(settings).uses(settings)


def _named(settings: ClientSettings) -> ModuleType:
    return import_module(f"privatune.federation.objectives.{settings.objective}")
