"""Measure what a method's codec costs a device and the server: milliseconds and bytes per update."""

import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np

from privatune.compression.codec import combine, encode
from privatune.core.tensors import Arrays
from privatune.core.vectors import shapes_of
from privatune.models.network import zero_state
from privatune.models.settings import NumericsSettings
from privatune.systems.compression.methods import Choice
from privatune.training.batches import rows, window
from privatune.training.step import gradient, learner_of

REPEATS = 15  # the first few include compilation


def codec_cost(
    model: Arrays, texts: Sequence[np.ndarray], choice: Choice, numerics: NumericsSettings
) -> dict[str, Any]:
    """Time a method's codec on the gradients of a first step, with one device per text.

    Args:
        model: the weights that the devices received.
        texts: word ids [n] of each device.
        choice: the method and its settings.
        numerics: how the gradients are computed; codecs always compute on the CPU.

    Returns:
        values: the number of values in an update; payload_bytes: the size of a payload; encode_ms and decode_ms: the
        time per payload on a device and on the server, each the median wall time of one thread over REPEATS.
    """
    lm = learner_of(model, numerics)
    client, size, like = choice.client, len(texts), shapes_of(model)
    updates = []
    for text in texts:
        first = window(rows(text, client.minibatch, client.bptt), 0, client.bptt)
        inputs, targets = (part.to(lm.weights["embedding"].device) for part in first)
        gradients, _, _ = gradient(lm, inputs, targets, zero_state(lm.computing, inputs.shape[1]))
        updates.append({name: g.cpu().numpy().copy() for name, g in gradients.items()})
    seconds: dict[str, list[float]] = {"encode": [], "decode": []}
    memories: list[Arrays] = [{}] * size
    server: Arrays = {}
    for _ in range(REPEATS):
        started = time.perf_counter()
        sent = [encode(u, m, choice.codec, 0, size) for u, m in zip(updates, memories, strict=True)]
        encoded = time.perf_counter()
        _, server = combine([payload for payload, _ in sent], like, server, choice.codec, size)
        seconds["encode"].append((encoded - started) / size)
        seconds["decode"].append((time.perf_counter() - encoded) / size)
        memories = [memory for _, memory in sent]
    return {
        "values": sum(w.size for w in model.values()),
        "payload_bytes": len(sent[0][0]),
        "encode_ms": 1e3 * median(seconds["encode"]),
        "decode_ms": 1e3 * median(seconds["decode"]),
    }
