"""EF21 over top-k: what a client's estimate lacks is sent, and both sides add it (Richtarik et al. 2021)."""

from collections.abc import Iterable

from privatune.compression import sparse
from privatune.compression.combining import decoded, mean_of
from privatune.compression.kernels.selection import top_k
from privatune.compression.settings import Ef21Settings
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, flat, shaped, shapes_of


def encode(update: Arrays, state: Arrays, settings: Ef21Settings, key: int, cohort_size: int) -> tuple[bytes, Arrays]:
    """C(g - estimate), as top-k sends it (algorithm 2). The state holds the estimate [n], at first zero."""
    values = flat(update)
    missing = values - state["estimate"] if state else values
    indices = top_k(missing, sparse.kept(settings.share, len(missing)))
    payload = sparse.write("ef21", shapes_of(update), indices, missing[indices], settings.zstd)
    # just what the server adds, so that its state stays the mean of the clients'
    change = sparse.read(payload, "ef21", shapes_of(update))
    return payload, {"estimate": state["estimate"] + change if state else change}


def combine(
    payloads: Iterable[bytes], like: Shapes, state: Arrays, settings: Ef21Settings, cohort_size: int
) -> tuple[Arrays, Arrays]:
    """The mean of the clients' estimates, float64 by tensor, which is the state too.

    Raises:
        PrivatuneError: a payload is damaged or not finite.
    """
    change = mean_of(decoded(payloads, _change, like, settings), like, cohort_size)
    after = {name: state[name] + array for name, array in change.items()} if state else change
    return after, after


def _change(payload: bytes, like: Shapes, settings: Ef21Settings) -> Arrays:
    return shaped(sparse.read(payload, "ef21", like), like)
