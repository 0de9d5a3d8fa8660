"""The aggregation that joins a round's payloads. It needs no torch, so its jobs start fast."""

from collections.abc import Iterable
from importlib import import_module

from privatune.core.tensors import pack, unpack
from privatune.federation.settings import ScenarioSettings


def aggregate(model: bytes, payloads: Iterable[bytes], scenario: ScenarioSettings) -> bytes:
    """The next round's model from this round's and the payloads in the cohort's order."""
    codec = import_module(f"privatune.compression.codecs.{scenario.codec.name}")
    server = import_module(f"privatune.federation.servers.{scenario.server.method}")
    weights, about = unpack(model, "the round's model")
    updates = (codec.decode(payload, f"payload {place}") for place, payload in enumerate(payloads))
    return pack(server.next_model(weights, updates, scenario.cohort.size), about)
