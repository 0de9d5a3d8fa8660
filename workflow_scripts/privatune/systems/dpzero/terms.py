"""State the mechanism of a training before it begins: who is sampled, how often, and with how much noise."""

from dataclasses import replace
from typing import Any

from privatune.privacy import by_example
from privatune.privacy.accounting import noise_for
from privatune.privacy.by_example import example_mechanism
from privatune.privacy.mechanism import Mechanism
from privatune.privacy.settings import PrivacyOfExamples
from privatune.systems.dpzero.settings import MethodSettings, ZerothSettings


def mechanism_of(n: int, method: MethodSettings, epsilon: float, privacy: PrivacyOfExamples) -> Mechanism:
    """Return the mechanism of a training on n examples, with the least noise that gives the target epsilon.

    Raises the errors of `example_mechanism` and `noise_for`.
    """
    noised = method.step.noised if isinstance(method.step, ZerothSettings) else "vector"
    delta = ("dpzero.privacy.delta", privacy.delta)
    mechanism = example_mechanism(n, method.batch, method.steps, delta, privacy.adjacency, noised)
    return replace(mechanism, noise_multiplier=noise_for(mechanism, epsilon, "pld"))


def expected_batch(n: int, method: MethodSettings) -> int:
    """Return B, the expected size of a batch, which is n where the method takes all examples in every step."""
    return by_example.expected_batch(n, method.batch)


def stated(mechanism: Mechanism | None) -> dict[str, Any]:
    """Return what a table says of the privacy of a training; all null without noise."""
    own = ("q", "noise_multiplier")
    return by_example.stated([mechanism] if mechanism else []) | {
        name: getattr(mechanism, name) if mechanism else None for name in own
    }
