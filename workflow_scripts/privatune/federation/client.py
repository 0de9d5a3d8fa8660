"""What a client does in a round: it fine-tunes the model that arrived and sends back the update."""

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
    text_bytes: int  # of the general text that was sent with the model


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
        arrived: weights of the round's model, which are not changed.
        user: the person's word ids [n].
        general: word ids of general training text, from which the server draws the text that it sends with the model.
        settings: how the client trains.
        numerics: the accelerator, precision and threads that training uses.
        key: (seed, round, person), which determines the random streams of this visit.

    Returns:
        The update in float32 and the public record of the visit.
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
    text = rows(task.text, settings.minibatch, settings.bptt)
    state = taught = zero_state(lm.computing, len(text))
    steps = 0
    for block in windows(text, settings.bptt):
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
