"""What a client does in a round: fine-tune the model that arrived, and send back the update."""

from typing import NamedTuple

import numpy as np

from privatune.core.streams import stream
from privatune.core.tensors import Arrays, pack
from privatune.federation.settings import ClientSettings
from privatune.federation.task import Task, visit_task
from privatune.models.network import zero_state
from privatune.models.settings import NumericsSettings
from privatune.training.batches import dropout_masks, rows, windows
from privatune.training.step import Learner, learner, learner_of, predict, train_step


class Visit(NamedTuple):
    """A client's update (new weights minus old) and its public record."""

    update: Arrays
    user_tokens: int
    rehearsal_tokens: int
    steps: int
    text_bytes: int  # of general text that came along with the model


def fine_tune(
    arrived: Arrays,
    user: np.ndarray,
    general: np.ndarray,
    settings: ClientSettings,
    numerics: NumericsSettings,
    key: tuple[int, int, int],
) -> Visit:
    """Fine-tune a model on one person's text (Popov et al. 2018, 'On the device').

    Args:
        arrived: weights of the round's model; they are not changed.
        user: the person's word ids [n].
        general: general training text, word ids, from which the server draws what it sends along.
        settings, numerics: see there.
        key: (seed, round, person) of this visit's random streams.

    Returns:
        The update in float32 and what the visit took.
    """
    seed, *visit = key
    task = visit_task(user, general, settings, key)
    sent = pack({"words": task.sent}) if task.sent is not None else b""
    lm = learner_of(arrived, numerics)
    teacher = learner(lm.weights, lm.computing["embedding"].dtype) if task.hard_share < 1 else None
    steps = 0
    for epoch in range(settings.epochs):
        steps += _epoch(lm, teacher, task, settings, stream(seed, "client dropout", *visit, epoch))
    update = {name: weight.cpu().numpy() - arrived[name] for name, weight in lm.weights.items()}
    return Visit(update, task.user_tokens, len(task.text) - task.user_tokens, steps, len(sent))


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
