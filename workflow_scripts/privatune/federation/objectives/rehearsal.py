"""Random rehearsal (Popov et al. 2018): the person's text is mixed with general text that is sent with the model."""

import numpy as np

from privatune.federation.settings import ClientSettings
from privatune.federation.task import Task
from privatune.text.settings import EOS


def task(user: np.ndarray, general: np.ndarray, settings: ClientSettings, rng: np.random.Generator) -> Task:
    """Train on `user` and lines of `general` in the shares user_share and 1 - user_share.

    The general text follows the person's text. The whole is then cut into rows that are read side by side, so that
    every minibatch has both kinds in these shares while each row keeps to one kind. (Mixed line by line, no line tells
    which kind comes next, and the models are worse on both kinds.)
    """
    share = settings.user_share
    if share == 0:
        total = round(len(user) / settings.control_share)
        drawn = draw_lines(general, total, rng)
        return Task(text=drawn, user_tokens=0, sent=drawn)
    drawn = draw_lines(general, round(len(user) * (1 - share) / share), rng)
    return Task(text=np.concatenate([user, drawn]), user_tokens=len(user), sent=drawn)


def uses(settings: ClientSettings) -> set[str]:
    """The task depends on the shares and, if any is sent, on the general text."""
    mixed = {"user_share"} | ({"general"} if settings.user_share < 1 else set())
    return mixed | ({"control_share"} if settings.user_share == 0 else set())


def draw_lines(text: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """Draw whole lines of `text` at random until there are `count` words; the last line is cut to fit."""
    starts = np.concatenate([[0], np.flatnonzero(text == EOS) + 1])
    drawn: list[np.ndarray] = []
    missing = count
    while missing > 0:
        line = rng.integers(len(starts) - 1)
        drawn.append(text[starts[line] : min(starts[line + 1], starts[line] + missing)])
        missing -= len(drawn[-1])
    return np.concatenate(drawn) if drawn else text[:0]
