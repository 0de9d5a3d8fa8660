"""Encode a client's update and combine a cohort's payloads with the codec that the settings name.

A codec is a module of compression/codecs/ with the functions `encode` and `decode`. Decoded updates are averaged,
unless the codec has a `combine` in place of `decode`. No codec imports torch, and only the chosen codec is imported.
"""

from collections.abc import Iterable, Iterator
from importlib import import_module
from types import ModuleType

from privatune.compression import feedback
from privatune.compression.combining import decoded, mean_of
from privatune.compression.settings import CodecSettings
from privatune.core.errors import PrivatuneError
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes


def encode(update: Arrays, state: Arrays, settings: CodecSettings, key: int, cohort_size: int) -> tuple[bytes, Arrays]:
    """A client's payload and its next state.

    Args:
        update: float32 tensors by name: a gradient, or new weights minus old weights.
        state: The state that the codec returned to this client last time; at first {}. It never leaves the client. In
            federated averaging a person takes part once, so it is always {}, and error feedback and momentum have no
            effect.
        settings: The codec's settings.
        key: 128-bit key of this client's stream at this step (core.streams.stream_key); all draws come from it.
        cohort_size: Number of clients in the step.

    Returns:
        The payload and the state.

    Raises:
        PrivatuneError: the update is not finite, or the codec cannot represent its values.
    """
    codec = _module(settings)
    if getattr(settings, "error_feedback", False):
        return feedback.encode(codec, update, state, settings, key, cohort_size)
    return codec.encode(update, state, settings, key, cohort_size)


def lasting(state: Arrays) -> Arrays:
    """The part of a codec's state that is kept when the person changes: the number of steps, which everyone knows."""
    return {name: array for name, array in state.items() if name == "step"}


def combine(
    payloads: Iterable[bytes], like: Shapes, state: Arrays, settings: CodecSettings, cohort_size: int
) -> tuple[Arrays, Arrays]:
    """The server's update, which is the mean of the clients' updates unless the codec defines another, and its state.

    Args:
        payloads: In the cohort's order; they are read one at a time and are not trusted.
        like: Shapes of the model's tensors.
        state: The state that this function returned last time; at first {}, and in federated averaging always {}.
        settings: The codec's settings.
        cohort_size: Public number of clients, by which sums are divided.

    Returns:
        float64 tensors by name, and the state.

    Raises:
        PrivatuneError: a payload is damaged, does not belong to this model and codec, or is not finite.
    """
    codec = _module(settings)
    if hasattr(codec, "combine"):
        return codec.combine(payloads, like, state, settings, cohort_size)
    return mean_of(decoded(payloads, codec.decode, like, settings), like, cohort_size), state


def decode(payloads: Iterable[bytes], like: Shapes, settings: CodecSettings) -> Iterator[Arrays]:
    """Yield the update of each client, if the codec reveals single updates to the server.

    Raises:
        PrivatuneError: as `combine`, and if the codec's payloads can only be decoded together.
    """
    if not settings.single_updates:
        raise PrivatuneError(
            f"codec.name: {settings.name} does not let the server see each client's update; choose another codec"
        )
    return decoded(payloads, _module(settings).decode, like, settings)


def _module(settings: CodecSettings) -> ModuleType:
    return import_module(f"privatune.compression.codecs.{settings.name}")
