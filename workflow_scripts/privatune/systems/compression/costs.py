"""What a method's codec takes of one device and of the server: milliseconds and bytes for one update."""

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

REPEATS = 15  # the first few compile


def codec_cost(
    model: Arrays, texts: Sequence[np.ndarray], choice: Choice, numerics: NumericsSettings
) -> dict[str, Any]:
    """Time a method's codec on gradients of a first step, one device a text.

    Args:
        model: weights that the devices got.
        texts: word ids [n] of each device.
        choice: see there.
        numerics: see there; codecs compute on the CPU, and so must the gradients.

    Returns:
        values of an update, bytes of a payload, encode_ms of one, and decode_ms: what the server takes for each
        payload; medians over REPEATS, wall time of one thread.
    """
    lm = learner_of(model, numerics)
    client, size, like = choice.client, len(texts), shapes_of(model)
    updates = []
    for text in texts:
        inputs, targets = (
            part.to(lm.weights["embedding"].device) for part in window(rows(text, client.batch), 0, client.bptt)
        )
        gradients, _, _ = gradient(lm, inputs, targets, zero_state(lm.computing, client.batch))
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
