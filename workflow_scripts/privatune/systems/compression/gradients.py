"""Train by distributed gradients: in each step every device sends a compressed gradient, and the server sends the mean.

As many persons train in parallel as averaging has in a round. A person whose text has been read leaves, and the next
person joins in that place with the current model. The codec's memory of the place, its residual and momentum, either
stays for the person who joins (`memory: device`), which favours a codec more than reality would, or leaves (`person`).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch

from privatune.compression.codec import combine, encode, lasting
from privatune.core.streams import stream, stream_key
from privatune.core.tensors import Arrays, pack
from privatune.core.vectors import shapes_of
from privatune.federation.cohorts import cohort
from privatune.federation.task import visit_task
from privatune.models.arrays import Model
from privatune.models.network import State, zero_state
from privatune.models.settings import NumericsSettings
from privatune.systems.compression.download import download
from privatune.systems.compression.methods import Choice
from privatune.systems.compression.progress import Progress, Training
from privatune.text.streams import Stream
from privatune.training.batches import Rows, Window, dropout_masks, rows, window_count, windows
from privatune.training.step import Learner, descend, gradient, learner_of


class Visit(NamedTuple):
    """What one person reads, and how much text comes with the model."""

    text: Rows
    sent: int  # bytes of text that come with the model


class Place(NamedTuple):
    """A device, which one person uses at a time."""

    model: Learner
    hidden: State
    memory: Arrays  # the memory of its codec
    unread: Iterator[Window]


def train(
    model: Model, private: Stream, general: Stream, choice: Choice, numerics: NumericsSettings, seed: int
) -> Training:
    """Train on exactly the text that federated averaging reads under this seed, one person after the other.

    Training ends when a place has no more persons to join it. What the other places have not read by then, each less
    than one person's text, is left out.

    The arguments are those of `follow` in systems/compression/follow.py.
    """
    visits = list(_visits(private, general, choice, seed))
    queues, steps = dealt([_length(visit, choice) for visit in visits], choice.cohort.size)
    return steps, _steps(model, [[visits[n] for n in queue] for queue in queues], steps, choice, numerics, seed)


def _steps(
    model: Model, queues: list[list[Visit]], steps: int, choice: Choice, numerics: NumericsSettings, seed: int
) -> Iterator[Progress]:
    size, like = choice.cohort.size, shapes_of(model.arrays)
    ours, waiting = learner_of(model.arrays, numerics), [iter(queue) for queue in queues]
    places: list[Place] = []
    server: Arrays = {}
    sender: Arrays = {}
    receiver: Arrays = {}
    tokens = up = down = 0
    for step in range(steps):
        payloads, trained = [], []
        for number, queue in enumerate(waiting):
            block = next(places[number].unread, None) if places else None
            if block is None:
                visit = next(queue)
                sent = download(_arrays(ours), choice.download, stream_key(seed, "download", step, number))
                down += sent.length + visit.sent
                fresh, unread = learner_of(sent.weights, numerics), _windows(visit, choice)
                block = next(unread)
                place = Place(fresh, zero_state(fresh.computing, len(visit.text)), {}, unread)
                if places:
                    left = places[number].memory
                    place = place._replace(memory=left if choice.memory == "device" else lasting(left))
            else:
                place = places[number]
            inputs, targets = (part.to(ours.weights["embedding"].device) for part in block)
            payload, place = _sent(place, inputs, targets, choice, (seed, step, number))
            payloads.append(payload)
            trained.append(place)
            tokens += inputs.numel()
        places = trained
        mean, server = combine(payloads, like, server, choice.codec, size)
        codec = choice.down_codec(_filled(mean))
        answer, sender = encode(mean, sender, codec, stream_key(seed, "codec of the server", step), 1)
        update, receiver = combine([answer], like, receiver, codec, 1)
        for model_of in (ours, *(place.model for place in places)):
            descend(model_of, update, choice.rate_at(step / steps))
        up += sum(map(len, payloads))
        down += size * len(answer)
        yield Progress(step + 1, tokens, 8 * up, 8 * down, _arrays(ours))


def _sent(
    place: Place, inputs: torch.Tensor, targets: torch.Tensor, choice: Choice, key: tuple[int, int, int]
) -> tuple[bytes, Place]:
    """Return what a device sends for one window, and its new state; `key` is (seed, step, number of the place)."""
    seed, *at = key
    embedding, client = place.model.computing["embedding"], choice.client
    shape = (*inputs.shape, embedding.shape[1])
    masks = dropout_masks(client.dropout, len(place.hidden), shape, stream(seed, "device dropout", *at), embedding)
    gradients, _, hidden = gradient(place.model, inputs, targets, place.hidden, masks)
    update = clipped({name: g.cpu().numpy() for name, g in gradients.items()}, client.clip)
    payload, memory = encode(update, place.memory, choice.codec, stream_key(seed, "codec", *at), choice.cohort.size)
    return payload, place._replace(hidden=hidden, memory=memory)


def dealt(lengths: Sequence[int], size: int) -> tuple[list[list[int]], int]:
    """Return which visits each of `size` places gets, where the next visit goes to the first free place, and for how
    many steps all places are busy.

    >>> dealt([3, 1, 1, 4], 2)
    ([[0], [1, 2, 3]], 3)
    """
    queues: list[list[int]] = [[] for _ in range(size)]
    busy = [0] * size
    for visit, length in enumerate(lengths):
        place = busy.index(min(busy))
        queues[place].append(visit)
        busy[place] += length
    return queues, min(busy)


def clipped(update: Arrays, limit: float) -> Arrays:
    """Return the update scaled to an L2 norm of at most `limit`."""
    norm = sum(float(np.square(change, dtype=np.float64).sum()) for change in update.values()) ** 0.5
    return update if norm <= limit else {name: change * np.float32(limit / norm) for name, change in update.items()}


def _filled(mean: Arrays) -> float:
    """Return the share of the values that are not zero, counting at least one."""
    values = sum(change.size for change in mean.values())
    return max(1, sum(np.count_nonzero(change) for change in mean.values())) / values


def _arrays(trained: Learner) -> Arrays:
    return {name: weight.cpu().numpy().copy() for name, weight in trained.weights.items()}


def _visits(private: Stream, general: Stream, choice: Choice, seed: int) -> Iterator[Visit]:
    """Yield everything that the clients of averaging would read, in the same order."""
    for number in range(1, choice.cohort.rounds + 1):
        for person in cohort(len(private.units), choice.cohort.size, number, seed):
            user = np.asarray(private.unit(person))
            task = visit_task(user, general.ids, choice.client, (seed, number, person))
            sent = len(pack({"words": task.sent})) if task.sent is not None else 0
            yield Visit(rows(task.text, choice.client.minibatch, choice.client.bptt), sent)


def _length(visit: Visit, choice: Choice) -> int:
    """Return how many windows a person's device reads."""
    return choice.client.epochs * window_count(len(visit.text[0]), choice.client.bptt)


def _windows(visit: Visit, choice: Choice) -> Iterator[Window]:
    return (block for _ in range(choice.client.epochs) for block in windows(visit.text, choice.client.bptt))
