"""What a round costs one device, measured on a client that runs alone in a process of its own."""

import resource
import sys
import time
from typing import Any

import numpy as np

from privatune.federation.clients import persons_of_devices, run_clients
from privatune.federation.settings import ScenarioSettings
from privatune.models.arrays import Model
from privatune.models.settings import NumericsSettings
from privatune.text.streams import Stream


def client_cost(
    model: Model,
    private: Stream,
    general: Stream,
    scenario: ScenarioSettings,
    numerics: NumericsSettings,
    seed: int,
    client: int,
) -> dict[str, Any]:
    """Fine-tune as client number `client`, counted from 0 through the cohorts of the first rounds, and measure it.

    Returns:
        client (a pseudonym), tokens, user_tokens, rehearsal_tokens, steps, bits_up and bits_down; user_kb and
        rehearsal_kb, the text in units of 10^3 characters with one space per word, where the general text is estimated
        from its mean word length; products_per_word, the multiplications that the model needs to predict a word;
        seconds of wall time from the arrived model to the payload; and peak_memory_mb of the process, which includes
        Python and torch (1 MB is 10^6 bytes).
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
    matrices = {name: weight.size for name, weight in model.arrays.items() if weight.ndim == 2}
    if "output.weight" in matrices:
        del matrices["embedding"]  # its rows are looked up, not multiplied
    return record | {"products_per_word": sum(matrices.values()), "seconds": seconds, "peak_memory_mb": peak / 1e6}


def _kilobytes(lengths: np.ndarray) -> float:
    """Mean size of a word with the space after it."""
    return (float(np.mean(lengths)) + 1) / 1e3
