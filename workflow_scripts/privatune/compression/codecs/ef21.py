"""EF21 with top-k: a client sends what its estimate lacks, and both sides add it (Richtarik et al. 2021)."""

from collections.abc import Iterable

from privatune.compression import sparse
from privatune.compression.combining import decoded, mean_of
from privatune.compression.kernels.selection import top_k
from privatune.compression.settings import Ef21Settings
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, flat, shaped, shapes_of


def encode(update: Arrays, state: Arrays, settings: Ef21Settings, key: int, cohort_size: int) -> tuple[bytes, Arrays]:
    """A top-k payload of g - estimate (algorithm 2). The state holds the estimate [n], which is zero at first."""
    values = flat(update)
    missing = values - state["estimate"] if state else values
    indices = top_k(missing, sparse.kept(settings.share, len(missing)))
    payload = sparse.write("ef21", shapes_of(update), indices, missing[indices], settings.zstd)
    # the client adds exactly what the server adds, so that the server's state stays the mean of the clients' states
    change = sparse.read(payload, "ef21", shapes_of(update))
    return payload, {"estimate": state["estimate"] + change if state else change}


def combine(
    payloads: Iterable[bytes], like: Shapes, state: Arrays, settings: Ef21Settings, cohort_size: int
) -> tuple[Arrays, Arrays]:
    """The mean of the clients' estimates, float64 by tensor, which is also the state.

    Raises:
        PrivatuneError: a payload is damaged or not finite.
    """
    change = mean_of(decoded(payloads, _change, like, settings), like, cohort_size)
    after = {name: state[name] + array for name, array in change.items()} if state else change
    return after, after


def _change(payload: bytes, like: Shapes, settings: Ef21Settings) -> Arrays:
    return shaped(sparse.read(payload, "ef21", like), like)
