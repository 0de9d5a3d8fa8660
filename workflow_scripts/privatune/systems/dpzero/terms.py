"""State the mechanism of a training before it begins: who is sampled, how often, and with how much noise."""

import logging
from dataclasses import replace
from typing import Any

from privatune.core.errors import PrivatuneError
from privatune.privacy.accounting import default_delta, guarantee, noise_for
from privatune.privacy.mechanism import Mechanism
from privatune.privacy.settings import PrivacyOfExamples
from privatune.systems.dpzero.settings import MethodSettings, ZerothSettings

STATED = ("epsilon", "delta", "adjacency", "accountant", "q", "noise_multiplier")


def mechanism_of(n: int, method: MethodSettings, epsilon: float, privacy: PrivacyOfExamples) -> Mechanism:
    """Return the mechanism of a training on n examples, with the least noise that gives the target epsilon.

    Its clip is 1, since epsilon does not depend on it; `replace` sets the clip that is tried.

    Raises:
        PrivatuneError: delta is larger than 1 / (10 n), the batch is larger than n, or no noise gives the target.
    """
    largest = default_delta(n)
    delta = largest if privacy.delta is None else privacy.delta
    if delta > largest:
        raise PrivatuneError(
            f"dpzero.privacy.delta: {delta:g} for {n} examples is {delta * n:.2g} times 1 / examples; take at most "
            f"{largest:.3g} (0.1 / examples)"
        )
    mechanism = Mechanism(
        "poisson",
        n,
        expected_batch(n, method),
        method.steps,
        noise_multiplier=0.0,
        clip=1.0,
        delta=delta,
        unit="example",
        noised=method.step.noised if isinstance(method.step, ZerothSettings) else "vector",
        adjacency=privacy.adjacency,
    )
    mechanism = replace(mechanism, noise_multiplier=noise_for(mechanism, epsilon, "pld"))
    return mechanism


def expected_batch(n: int, method: MethodSettings) -> int:
    """Return B, the expected size of a batch, which is n where the method takes all examples in every step."""
    if method.batch is not None and method.batch > n:
        raise PrivatuneError(f"batch: {method.batch} examples per step are more than the {n} that train; lower it")
    return n if method.batch is None else method.batch


def stated(mechanism: Mechanism | None) -> dict[str, Any]:
    """Return what a table says of the privacy of a training; all null without noise."""
    if mechanism is None:
        return dict.fromkeys(STATED)
    proved = guarantee(mechanism, "pld")
    logging.info("%s", proved)
    record = proved.record()
    return {name: record[name] for name in STATED}
