"""Federated averaging: the unweighted mean of the models that come back."""

from collections.abc import Iterable

import numpy as np

from privatune.compression.codec import combine
from privatune.core.tensors import Arrays
from privatune.core.vectors import shapes_of
from privatune.federation.server import Server


def next_model(model: Arrays, payloads: Iterable[bytes], server: Server) -> Arrays:
    """Add the mean of a round's updates to the model (Popov et al. 2018, 'On the server').

    Args:
        model: float32 weights that the clients started from.
        payloads: one a client, in the cohort's order; sums run in float64 in that order.
        server: whose public cohort size divides the sum.

    Raises:
        PrivatuneError: a payload is damaged, or holds a value that is not finite.
    """
    # each round on its own: it has other clients, so a codec's state of the last one would say nothing of them
    mean, _ = combine(payloads, shapes_of(model), {}, server.codec, server.cohort_size)
    return {name: (weight + mean[name]).astype(np.float32) for name, weight in model.items()}
