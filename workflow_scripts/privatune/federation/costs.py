"""What a round costs one device: measured on a client that runs alone in a process of its own."""

import resource
import sys
import time
from collections.abc import Sequence
from statistics import median
from typing import Any

import numpy as np
import torch

from privatune.compression.codec import combine, encode
from privatune.compression.vectors import shapes_of
from privatune.core.tensors import Arrays, unpack
from privatune.federation.clients import persons_of_devices, run_clients
from privatune.federation.methods import Choice
from privatune.federation.settings import ScenarioSettings
from privatune.models.checkpoint import PRECISIONS, use
from privatune.models.network import zero_state
from privatune.models.settings import NumericsSettings
from privatune.text.streams import Stream
from privatune.training.batches import rows, window
from privatune.training.step import gradient, learner

REPEATS = 15  # the first few compile


def client_cost(
    model: bytes,
    private: Stream,
    general: Stream,
    scenario: ScenarioSettings,
    numerics: NumericsSettings,
    seed: int,
    client: int,
) -> dict[str, Any]:
    """Fine-tune as the first cohort's client at place `client`, or as the next cohort's where that one is smaller.

    Returns:
        client (a pseudonym), tokens, user_tokens, rehearsal_tokens, steps, bits_up, bits_down; user_kb and
        rehearsal_kb of text (10^3 characters, a space a word included; of general text by its mean length of a word);
        products_per_word, the multiplications in which the model predicts a word; seconds of wall time from the arrived
        model to the payload; peak_memory_mb of the process (MB = 10^6 bytes), Python and torch included.
    """
    rounds, place = divmod(client, scenario.cohort.size)
    started = time.perf_counter()
    ((_, record),) = run_clients(model, private, general, scenario, numerics, (seed, rounds + 1), [place])
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    del record["seed"], record["round"]
    record |= {"tokens": record["user_tokens"] + record["rehearsal_tokens"]}
    persons = persons_of_devices(len(private.units), scenario.cohort, (seed, rounds + 1))[place]
    own = np.concatenate([private.lengths[private.offsets[p] : private.offsets[p + 1]] for p in persons])
    record |= {
        "user_kb": record["user_tokens"] * _kilobytes(own),
        "rehearsal_kb": record["rehearsal_tokens"] * _kilobytes(general.lengths),
    }
    matrices = {name: weight.size for name, weight in unpack(model, "the model")[0].items() if weight.ndim == 2}
    if "output.weight" in matrices:
        del matrices["embedding"]  # of which a word's row is looked up
    return record | {"products_per_word": sum(matrices.values()), "seconds": seconds, "peak_memory_mb": peak / 1e6}


def codec_cost(model: bytes, texts: Sequence[np.ndarray], choice: Choice, numerics: NumericsSettings) -> dict[str, Any]:
    """Time a method's codec on gradients of a first step, one device a text.

    Args:
        model: that the devices got.
        texts: word ids [n] of each device.
        choice: see there.
        numerics: see there; codecs compute on the CPU, and so must the gradients.

    Returns:
        values of an update, bytes of a payload, encode_ms of one, and decode_ms: what the server takes for each
        payload; medians over REPEATS, wall time of one thread.
    """
    use(numerics)
    weights, _ = unpack(model, "the general model")
    lm = learner({name: torch.from_numpy(w.copy()) for name, w in weights.items()}, PRECISIONS[numerics.precision])
    client, size, like = choice.client, len(texts), shapes_of(weights)
    updates = []
    for text in texts:
        inputs, targets = window(rows(text, client.batch), 0, client.bptt)
        gradients, _, _ = gradient(lm, inputs, targets, zero_state(lm.computing, client.batch))
        updates.append({name: g.numpy().copy() for name, g in gradients.items()})
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
        "values": sum(w.size for w in weights.values()),
        "payload_bytes": len(sent[0][0]),
        "encode_ms": 1e3 * median(seconds["encode"]),
        "decode_ms": 1e3 * median(seconds["decode"]),
    }


def _kilobytes(lengths: np.ndarray) -> float:
    """Of a word and the space behind it, on average."""
    return (float(np.mean(lengths)) + 1) / 1e3
