"""Top-k: the values of largest magnitude in the whole model are sent (Aji, Heafield 2017; Stich et al. 2018)."""

from privatune.compression import sparse
from privatune.compression.kernels.selection import top_k
from privatune.compression.settings import TopkSettings
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, flat, shaped, shapes_of


def encode(update: Arrays, state: Arrays, settings: TopkSettings, key: int, cohort_size: int) -> tuple[bytes, Arrays]:
    """A payload of k float32 values and their packed indices; among equal magnitudes the first are sent."""
    values = flat(update)
    indices = top_k(values, sparse.kept(settings.share, len(values)))
    return sparse.write("topk", shapes_of(update), indices, values[indices], settings.zstd), state


def decode(payload: bytes, like: Shapes, settings: TopkSettings) -> Arrays:
    """The values that were sent, and zero elsewhere; raises PrivatuneError when the payload is damaged."""
    return shaped(sparse.read(payload, "topk", like), like)
