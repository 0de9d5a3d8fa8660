"""Error feedback: what a biased codec leaves out is sent later (Seide et al. 2014; Karimireddy et al. 2019)."""

from types import ModuleType
from typing import Any

from privatune.core.tensors import Arrays
from privatune.core.vectors import flat, shaped, shapes_of

_RESIDUAL = "residual"


def encode(
    codec: ModuleType, update: Arrays, state: Arrays, settings: Any, key: int, cohort_size: int
) -> tuple[bytes, Arrays]:
    """Encode the update together with what earlier payloads left out (Karimireddy et al. 2019, algorithm 2).

    p = g + e is encoded, and e = p - decode(payload), which the server did not receive, is kept. So everything sent
    plus the residual e is the sum of the updates.

    Args:
        codec: Module of a codec, with `encode` and `decode`.
        state: The codec's state and, after the first call, the residual e [n].
        update, settings, key, cohort_size: As for `encode` in compression/codec.py.

    Returns:
        The payload and the next state.
    """
    like = shapes_of(update)
    wanted = flat(update)
    if _RESIDUAL in state:
        wanted += state[_RESIDUAL]
    own = {name: array for name, array in state.items() if name != _RESIDUAL}
    payload, own = codec.encode(shaped(wanted, like), own, settings, key, cohort_size)
    return payload, {**own, _RESIDUAL: wanted - flat(codec.decode(payload, like, settings))}
