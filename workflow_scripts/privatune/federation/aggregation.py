"""The aggregation of a round's payloads. This module does not import torch, so that averaging starts fast."""

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
    """Return the model of the next round.

    Args:
        model: the model of this round, which the server sent to the clients.
        payloads: one per client, in the cohort's order.
        scenario: settings of the clients, the cohort, the codec and the server.
        numerics: the accelerator, precision and threads that training uses.
        key: (seed of the replicate, number of the round counted from 1).
        general: word ids of general training text, needed only by server methods that read it.
    """
    method = import_module(f"privatune.federation.servers.{scenario.server.method}")
    server = Server(scenario.cohort.size, scenario.server, numerics, *key, scenario.codec, general)
    return model.with_values(method.next_model(model.arrays, payloads, server))
