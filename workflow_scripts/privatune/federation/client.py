"""What a client does in a round: fine-tune the model that arrived, and send back the update."""

from typing import NamedTuple

import numpy as np
import torch

from privatune.core.streams import stream
from privatune.core.tensors import Arrays, pack, unpack
from privatune.federation.settings import ClientSettings
from privatune.federation.task import Task, visit_task
from privatune.models.checkpoint import PRECISIONS, use
from privatune.models.network import zero_state
from privatune.models.settings import NumericsSettings
from privatune.training.batches import dropout_masks, rows, windows
from privatune.training.step import Learner, learner, predict, train_step


class Visit(NamedTuple):
    """A client's update (new weights minus old) and its public record."""

    update: Arrays
    user_tokens: int
    rehearsal_tokens: int
    steps: int
    downlink_bytes: int


def fine_tune(
    model: bytes,
    user: np.ndarray,
    general: np.ndarray,
    settings: ClientSettings,
    numerics: NumericsSettings,
    key: tuple[int, int, int],
) -> Visit:
    """Fine-tune a model on one person's text (Popov et al. 2018, 'On the device').

    Args:
        model: the round's model as the server sends it.
        user: the person's word ids [n].
        general: general training text, word ids, from which the server draws what it sends along.
        settings, numerics: see there.
        key: (seed, round, person) of this visit's random streams.

    Returns:
        The update in float32 and what the visit took; `downlink_bytes` counts the model and the sent text.
    """
    seed, *visit = key
    device = use(numerics)
    arrived, _ = unpack(model, "the round's model")
    task = visit_task(user, general, settings, key)
    sent = pack({"words": task.sent}) if task.sent is not None else b""
    weights = {name: torch.from_numpy(array.copy()).to(device) for name, array in arrived.items()}
    lm = learner(weights, PRECISIONS[numerics.precision])
    teacher = learner(weights, PRECISIONS[numerics.precision]) if task.hard_share < 1 else None
    steps = 0
    for epoch in range(settings.epochs):
        steps += _epoch(lm, teacher, task, settings, stream(seed, "client dropout", *visit, epoch))
    update = {name: weight.cpu().numpy() - arrived[name] for name, weight in lm.weights.items()}
    return Visit(update, task.user_tokens, len(task.text) - task.user_tokens, steps, len(model) + len(sent))


def _epoch(lm: Learner, teacher: Learner | None, task: Task, settings: ClientSettings, rng: np.random.Generator) -> int:
    embedding = lm.computing["embedding"]
    state = taught = zero_state(lm.computing, settings.batch)
    steps = 0
    for block in windows(rows(task.text, settings.batch), settings.bptt):
        inputs, targets = (part.to(embedding.device) for part in block)
        masks = dropout_masks(settings.dropout, len(state), (*inputs.shape, embedding.shape[1]), rng, embedding)
        soft = None
        if teacher is not None:
            soft, taught = predict(teacher, inputs, taught)
        _, state = train_step(
            lm, inputs, targets, state, settings.learning_rate, settings.clip, masks, soft, task.hard_share
        )
        steps += 1
    return steps
