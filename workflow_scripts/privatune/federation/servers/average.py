"""Federated averaging: the unweighted mean of the models that come back."""

from collections.abc import Iterable

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import Arrays
from privatune.federation.server import Server


def next_model(model: Arrays, updates: Iterable[Arrays], server: Server) -> Arrays:
    """Add the mean of a round's updates to the model (Popov et al. 2018, 'On the server').

    Args:
        model: float32 weights that the clients started from.
        updates: one a client, in the cohort's order; sums run in float64 in that order.
        server: whose public cohort size divides the sum.

    Raises:
        PrivatuneError: an update holds a value that is not finite.
    """
    total = {name: np.zeros(weight.shape, np.float64) for name, weight in model.items()}
    for place, update in enumerate(updates):
        for name, change in update.items():
            if not np.isfinite(change).all():
                raise PrivatuneError(
                    f"federation.client.learning_rate: update {place} of the round is not finite; lower the rate"
                )
            total[name] += change
    return {name: (weight + total[name] / server.cohort_size).astype(np.float32) for name, weight in model.items()}
