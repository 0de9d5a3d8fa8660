"""The aggregation that joins a round's payloads. It needs no torch itself, so that averaging starts fast."""

from collections.abc import Iterable
from importlib import import_module

import numpy as np

from privatune.federation.server import Server
from privatune.federation.settings import ScenarioSettings
from privatune.models.arrays import Model
from privatune.models.settings import NumericsSettings


def aggregate(
    model: Model,
    payloads: Iterable[bytes],
    scenario: ScenarioSettings,
    numerics: NumericsSettings,
    key: tuple[int, int],
    general: np.ndarray | None = None,
) -> Model:
    """The next round's model.

    Args:
        model: this round's, which the server sent to the clients.
        payloads: in the cohort's order.
        scenario, numerics: see there.
        key: (seed of the replicate, round counted from 1).
        general: word ids of general training text, for server methods that read it.
    """
    method = import_module(f"privatune.federation.servers.{scenario.server.method}")
    server = Server(scenario.cohort.size, scenario.server, numerics, *key, scenario.codec, general)
    return model.with_values(method.next_model(model.arrays, payloads, server))
