"""Federated averaging: the next model is the unweighted mean of the models that come back."""

from collections.abc import Iterable

import numpy as np

from privatune.compression.codec import combine
from privatune.core.tensors import Arrays
from privatune.core.vectors import shapes_of
from privatune.federation.server import Server


def next_model(model: Arrays, payloads: Iterable[bytes], server: Server) -> Arrays:
    """Add the mean of a round's updates to the model (Popov et al. 2018, 'On the server').

    Args:
        model: the float32 weights that the clients started from.
        payloads: one per client, in the cohort's order, in which they are summed in float64.
        server: the server, whose public cohort size divides the sum.

    Raises:
        PrivatuneError: a payload is damaged, or holds a value that is not finite.
    """
    # each round starts without a state: the codec's state of the last round describes other clients
    mean, _ = combine(payloads, shapes_of(model), {}, server.codec, server.cohort_size)
    return {name: (weight + mean[name]).astype(np.float32) for name, weight in model.items()}
