"""Error feedback: what a biased codec leaves out is sent later (Seide et al. 2014; Karimireddy et al. 2019)."""

from types import ModuleType
from typing import Any

from privatune.core.tensors import Arrays
from privatune.core.vectors import flat, shaped, shapes_of

_RESIDUAL = "residual"


def encode(
    codec: ModuleType, update: Arrays, state: Arrays, settings: Any, key: int, cohort_size: int
) -> tuple[bytes, Arrays]:
    """Encode the update and what earlier payloads left out (Karimireddy et al. 2019, algorithm 2).

    p = g + e is sent, and e = p - decode(payload) is kept, just what the server did not get: the sum of what was sent
    and of the residual is the sum of the updates.

    Args:
        codec: module of a codec, with `encode` and `decode`.
        state: the codec's, and the residual e [n] after the first call.
        update, settings, key, cohort_size: as of `encode` in compression/codec.py.
    """
    like = shapes_of(update)
    wanted = flat(update)
    if _RESIDUAL in state:
        wanted += state[_RESIDUAL]
    own = {name: array for name, array in state.items() if name != _RESIDUAL}
    payload, own = codec.encode(shaped(wanted, like), own, settings, key, cohort_size)
    return payload, {**own, _RESIDUAL: wanted - flat(codec.decode(payload, like, settings))}
