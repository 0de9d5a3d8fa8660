"""What a round costs one device: measured on a client that runs alone in a process of its own."""

import resource
import sys
import time
from typing import Any

from privatune.federation.clients import run_clients
from privatune.federation.settings import ScenarioSettings
from privatune.models.settings import NumericsSettings
from privatune.text.streams import Stream


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
        client (a pseudonym), tokens, user_tokens, rehearsal_tokens, steps, bits_up, bits_down; seconds of wall time
        from the arrived model to the payload; peak_memory_mb of the process (MB = 10^6 bytes), Python and torch
        included.
    """
    rounds, place = divmod(client, scenario.cohort.size)
    started = time.perf_counter()
    ((_, record),) = run_clients(model, private, general, scenario, numerics, (seed, rounds + 1), [place])
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    del record["seed"], record["round"]
    tokens = record["user_tokens"] + record["rehearsal_tokens"]
    return record | {"tokens": tokens, "seconds": seconds, "peak_memory_mb": peak / 1e6}
