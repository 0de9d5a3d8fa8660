"""Distillation: the server's model learns the mean distribution of the models that come back."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch

from privatune.compression.codec import decode
from privatune.core.streams import stream
from privatune.core.tensors import Arrays
from privatune.core.vectors import shapes_of
from privatune.federation.objectives.rehearsal import draw_lines
from privatune.federation.server import Server
from privatune.models.generate import generate
from privatune.models.network import Weights, zero_state
from privatune.training.batches import rows, windows
from privatune.training.step import Learner, learner_of, predict, train_step


def next_model(model: Arrays, payloads: Iterable[bytes], server: Server) -> Arrays:
    """Train the round's model on soft targets alone (Popov et al. 2018, 'On the server').

    Args:
        model: the float32 weights that the clients started from.
        payloads: one per client, in the cohort's order.
        server: the server with the settings of this method; its `general` text is needed if `text` is real.

    Returns:
        The float32 weights of the next model.

    Raises:
        PrivatuneError: a payload is damaged, or the codec does not let the server see single updates.
    """
    s = server.settings
    teachers = [
        learner_of({name: model[name] + change for name, change in update.items()}, server.numerics)
        for update in decode(payloads, shapes_of(model), server.codec)
    ]
    student = learner_of(model, server.numerics)
    old = {name: weight.clone() for name, weight in student.weights.items()}
    for words in _texts(old, server):
        text = rows(words, s.minibatch, s.bptt)
        state = zero_state(student.computing, len(text))
        taught = [state] * len(teachers)
        for block in windows(text, s.bptt):
            inputs, targets = (part.to(old["embedding"].device) for part in block)
            mean, taught = mean_distribution(teachers, inputs, taught)
            _, state = train_step(
                student, inputs, targets, state, s.learning_rate, s.clip, teacher=mean, hard_share=0.0
            )
    return {name: weight.cpu().numpy() for name, weight in student.weights.items()}


def mean_distribution(teachers: list[Learner], inputs: torch.Tensor, states: list) -> tuple[torch.Tensor, list]:
    """Average the teachers' distributions over the next word, [time * batch, vocabulary]; also return their states."""
    total, after = None, []
    for teacher, state in zip(teachers, states, strict=True):
        distribution, state = predict(teacher, inputs, state)
        after.append(state)
        total = distribution.to(torch.float32, copy=True) if total is None else total.add_(distribution)
    if total is None:
        raise ValueError("no teacher: a round has at least one client")
    return total.div_(len(teachers)).to(teachers[0].computing["embedding"].dtype), after


def _texts(model: Weights, server: Server) -> Iterator[np.ndarray]:
    """Yield the text of each epoch."""
    s = server.settings
    text, drawn = np.empty(0, np.int64), -1
    for epoch in range(s.epochs):
        cycle = epoch * s.cycles // s.epochs
        if cycle != drawn:
            rng = stream(server.seed, "distillation text", server.round, cycle)
            if s.text == "generated":
                text = generate(model, s.tokens, s.minibatch, rng)
            elif server.general is not None:
                text = draw_lines(server.general, s.tokens, rng)
            else:
                raise ValueError("server.general: the settings ask for real text, but none was given")
            drawn = cycle
        yield text
