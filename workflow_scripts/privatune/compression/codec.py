"""A codec, by the name that its settings give: what a client sends, and what the server makes of a cohort's payloads.

A codec is a module of compression/codecs/ with `encode` and `decode`. Its updates are averaged, unless it has a
`combine` of its own in place of `decode`. None of this imports torch, and numba only where the chosen codec does.
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
    """A client's payload.

    Args:
        update: float32 tensors by name; a gradient or new weights minus old.
        state: what the codec gave this client back last time, at first {}. It never leaves the client. In federated
            averaging a person takes part once, so it is always {}: error feedback and momentum do nothing there.
        settings: of the codec.
        key: 128-bit key of this client's stream at this step (core.streams.stream_key): all draws come from it.
        cohort_size: clients of the step.

    Raises:
        PrivatuneError: the update is not finite, or the codec cannot hold its values.
    """
    codec = _module(settings)
    if getattr(settings, "error_feedback", False):
        return feedback.encode(codec, update, state, settings, key, cohort_size)
    return codec.encode(update, state, settings, key, cohort_size)


def lasting(state: Arrays) -> Arrays:
    """What of a codec's state stays where a person leaves with the rest: the number of steps, which everyone knows."""
    return {name: array for name, array in state.items() if name == "step"}


def combine(
    payloads: Iterable[bytes], like: Shapes, state: Arrays, settings: CodecSettings, cohort_size: int
) -> tuple[Arrays, Arrays]:
    """The server's update, the mean of what the clients meant unless the codec says otherwise, and its next state.

    Args:
        payloads: in the cohort's order; read one at a time. They may come from anyone.
        like: shapes of the model's tensors.
        state: what this gave back last time, at first {}; in federated averaging always {}.
        settings: of the codec.
        cohort_size: public number of clients, by which sums are divided.

    Returns:
        float64 tensors by name, and the state.

    Raises:
        PrivatuneError: a payload is damaged, not of this model and codec, or not finite.
    """
    codec = _module(settings)
    if hasattr(codec, "combine"):
        return codec.combine(payloads, like, state, settings, cohort_size)
    return mean_of(decoded(payloads, codec.decode, like, settings), like, cohort_size), state


def decode(payloads: Iterable[bytes], like: Shapes, settings: CodecSettings) -> Iterator[Arrays]:
    """The update of each client, one at a time, where the codec lets a server know it.

    Raises:
        PrivatuneError: as `combine`, and where the codec's payloads mean something only together.
    """
    if not settings.single_updates:
        raise PrivatuneError(f"codec.name: {settings.name} does not tell the server single updates; choose another")
    return decoded(payloads, _module(settings).decode, like, settings)


def _module(settings: CodecSettings) -> ModuleType:
    return import_module(f"privatune.compression.codecs.{settings.name}")
