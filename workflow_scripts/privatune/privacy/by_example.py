"""State the mechanism of a training that protects examples: who is sampled, how often, and with how much noise."""

import logging
from collections.abc import Sequence
from typing import Any

from privatune.core.errors import PrivatuneError
from privatune.privacy.accounting import default_delta, epsilon, guarantee
from privatune.privacy.mechanism import Adjacency, Mechanism, Noised

STATED = ("epsilon", "delta", "adjacency", "accountant")


def example_mechanism(
    n: int,
    batch: int | None,
    steps: int,
    delta: tuple[str, float | None],
    adjacency: Adjacency,
    noised: Noised = "vector",
) -> Mechanism:
    """Return the mechanism of a training on Poisson batches of n examples, still without noise.

    Its clip is 1, since epsilon does not depend on it; `replace` sets the clip that is tried.

    Args:
        n: the number of examples that train.
        batch, steps: as in `expected_batch`, and the number of steps.
        delta: the key of the setting, which an error names, and its value; null stands for 1 / (10 n).
        adjacency: which two sets of examples are compared.
        noised: what is clipped and noised.

    Raises:
        PrivatuneError: delta is larger than 1 / (10 n), or the batch is larger than n.
    """
    key, given = delta
    largest = default_delta(n)
    chosen = largest if given is None else given
    if chosen > largest:
        raise PrivatuneError(
            f"{key}: {chosen:g} for {n} examples is {chosen * n:.2g} times 1 / examples; take at most {largest:.3g} "
            "(0.1 / examples)"
        )
    return Mechanism(
        "poisson",
        n,
        expected_batch(n, batch),
        steps,
        noise_multiplier=0.0,
        clip=1.0,
        delta=chosen,
        unit="example",
        noised=noised,
        adjacency=adjacency,
    )


def expected_batch(n: int, batch: int | None) -> int:
    """Return B, the expected size of a batch, which is n where each step takes all examples (`batch` is null)."""
    if batch is not None and batch > n:
        raise PrivatuneError(f"batch: {batch} examples per step are more than the {n} that train; lower it")
    return n if batch is None else batch


def stated(phases: Sequence[Mechanism]) -> dict[str, Any]:
    """Return what a table says of the privacy of a training in phases, composed; all null if there are none."""
    if not phases:
        return dict.fromkeys(STATED)
    for phase in phases:
        logging.info("%s", guarantee(phase, "pld"))
    first = phases[0]
    return dict(zip(STATED, (epsilon(phases, "pld"), first.delta, first.compared, "pld"), strict=True))
