"""Distributed gradient training: every device sends a compressed gradient each step, the server sends the mean back.

A device here holds the texts of several persons, one behind the other, and keeps what its codec remembers between
them. It is kinder to a codec than life is, where memory leaves with the person.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from privatune.compression.codec import combine, encode
from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream, stream_key
from privatune.core.tensors import Arrays, pack, unpack
from privatune.core.vectors import shapes_of
from privatune.federation.cohorts import cohort
from privatune.federation.task import visit_task
from privatune.models.checkpoint import PRECISIONS, use
from privatune.models.network import zero_state
from privatune.models.settings import NumericsSettings
from privatune.systems.compression.methods import Choice
from privatune.systems.compression.progress import Progress, reached
from privatune.text.streams import Stream
from privatune.training.batches import dropout_masks, rows, window, window_count
from privatune.training.step import descend, gradient, learner


def train(
    model: bytes,
    private: Stream,
    general: Stream,
    choice: Choice,
    numerics: NumericsSettings,
    seed: int,
    shares: Sequence[float],
) -> Iterator[Progress]:
    """Train on just the text that federated averaging reads under this seed, dealt to as many devices as its cohort.

    Arguments: as of `follow` in systems/compression/follow.py.
    """
    device, client, size = use(numerics), choice.client, choice.cohort.size
    weights, _ = unpack(model, "the general model")
    like = shapes_of(weights)
    lm = learner(
        {name: torch.from_numpy(w.copy()).to(device) for name, w in weights.items()}, PRECISIONS[numerics.precision]
    )
    text, sent = _text(private, general, choice, seed)
    shards = [rows(shard, client.batch) for shard in np.array_split(text, size)]
    steps = min(window_count(shard.shape[1], client.bptt) for shard in shards)
    if not steps:
        raise PrivatuneError(
            f"compression: {len(text)} words give no window of {client.batch} rows for each of {size} devices; raise "
            "`compression.tuning_rounds` or `private.min_words`, or lower `compression.client.batch`"
        )
    stops = [reached(share, steps) for share in shares]
    hidden = [zero_state(lm.computing, client.batch)] * size
    memories: list[Arrays] = [{}] * size
    server: Arrays = {}
    sender: Arrays = {}
    receiver: Arrays = {}
    tokens, up, to_all = 0, 0, size * len(model) + sent
    for step in range(stops[-1]):
        payloads = []
        for place, shard in enumerate(shards):
            inputs, targets = (part.to(device) for part in window(shard, step, client.bptt))
            rng = stream(seed, "device dropout", step, place)
            embedding = lm.computing["embedding"]
            shape = (*inputs.shape, embedding.shape[1])
            masks = dropout_masks(client.dropout, len(hidden[place]), shape, rng, embedding)
            gradients, _, hidden[place] = gradient(lm, inputs, targets, hidden[place], masks)
            update = clipped({name: g.cpu().numpy() for name, g in gradients.items()}, client.clip)
            key = stream_key(seed, "codec", step, place)
            payload, memories[place] = encode(update, memories[place], choice.codec, key, size)
            payloads.append(payload)
            tokens += inputs.numel()
        mean, server = combine(payloads, like, server, choice.codec, size)
        down = choice.down_codec(_filled(mean))
        answer, sender = encode(mean, sender, down, stream_key(seed, "codec of the server", step), 1)
        update, receiver = combine([answer], like, receiver, down, 1)
        descend(lm, update, choice.rate_at(step / steps))
        up += sum(map(len, payloads))
        to_all += size * len(answer)
        if step + 1 in stops:
            now = {name: weight.cpu().numpy().copy() for name, weight in lm.weights.items()}
            yield Progress(step + 1, tokens, 8 * up, 8 * to_all, now)


def clipped(update: Arrays, limit: float) -> Arrays:
    """The update, scaled to an L2 norm of at most `limit`."""
    norm = sum(float(np.square(change, dtype=np.float64).sum()) for change in update.values()) ** 0.5
    return update if norm <= limit else {name: change * np.float32(limit / norm) for name, change in update.items()}


def _filled(mean: Arrays) -> float:
    """Share of the values that are not zero; at least one is counted."""
    values = sum(change.size for change in mean.values())
    return max(1, sum(np.count_nonzero(change) for change in mean.values())) / values


def _text(private: Stream, general: Stream, choice: Choice, seed: int) -> tuple[np.ndarray, int]:
    """All that averaging's clients would read, in its order, and the bytes of what the server sends along."""
    parts, sent = [], 0
    for number in range(1, choice.cohort.rounds + 1):
        for person in cohort(len(private.units), choice.cohort.size, number, seed):
            user = np.asarray(private.unit(person))
            task = visit_task(user, general.ids, choice.client, (seed, number, person))
            parts.append(np.tile(task.text, choice.client.epochs))
            sent += len(pack({"words": task.sent})) if task.sent is not None else 0
    return np.concatenate(parts), sent
