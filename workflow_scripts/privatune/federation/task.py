"""What an objective asks of a device."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Task:
    """Text to train on and how; made by an objective's `task`."""

    text: np.ndarray  # word ids [n], user text and what was sent together
    user_tokens: int  # how many of them are the person's own
    sent: np.ndarray | None = None  # word ids that the server sends along with the model
    hard_share: float = 1.0  # weight of the hard targets; the arrived model has the rest
