"""PowerSGD: each matrix as a product of two thin ones, found by one step of power iteration (Vogels et al. 2019).

The paper's workers share P and Q by two all-reduces. Here each client has its own pair and continues from its own Q.
"""

from collections.abc import Iterator
from math import prod

import numpy as np

from privatune.compression import wire
from privatune.compression.settings import PowersgdSettings
from privatune.core.streams import stream
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, flat, shaped, shapes_of

_ROUNDING = 1e-6  # relative rounding error of the float32 vectors


def encode(
    update: Arrays, state: Arrays, settings: PowersgdSettings, key: int, cohort_size: int
) -> tuple[bytes, Arrays]:
    """A payload of 32 rank (rows + columns) bits per matrix, 32 bits per other value, and the header (algorithm 1).

    The state holds Q^T [rank, columns] for each matrix. The first Q is drawn at random, and so is any zero column of Q.
    """
    like = shapes_of(update)
    tensors, after, sent = shaped(flat(update), like), {}, []
    for name, rows, columns in _layout(like, settings.rank):
        if not columns:
            sent.append(tensors[name].ravel())
            continue
        matrix, kept = tensors[name].reshape(rows, columns), f"Q of {name}"
        q = state.get(kept, np.zeros((settings.rank, columns), np.float32))
        # a column is zero at first, and also if a matrix was zero or had a lower rank; it would stay zero
        q = np.where(q.any(1, keepdims=True), q, stream(key, "powersgd", name).standard_normal(q.shape, np.float32))
        # einsum, because the last bits of matmul depend on the number of threads
        p = _orthonormal(np.einsum("ij,kj->ki", matrix, q))
        after[kept] = np.einsum("ij,ki->kj", matrix, p)
        sent += [p.ravel(), after[kept].ravel()]
    section = np.concatenate(sent) if sent else np.empty(0)
    return wire.write("powersgd", like, [section.astype("<f4")], settings.zstd), after


def decode(payload: bytes, like: Shapes, settings: PowersgdSettings) -> Arrays:
    """P Q^T for each matrix and the other tensors unchanged; raises PrivatuneError when the payload is damaged."""
    rank, layout = settings.rank, list(_layout(like, settings.rank))
    count = sum(rank * (rows + columns) if columns else rows for _, rows, columns in layout)
    (section,) = wire.read(payload, "powersgd", like, [4 * count])
    rest, update = wire.numbers(section, "<f4", count), {}
    for name, rows, columns in layout:
        if columns:
            p, q, rest = np.split(rest, [rank * rows, rank * (rows + columns)])
            with np.errstate(over="ignore", invalid="ignore"):  # an overflow is refused later as not finite
                product = np.einsum("ki,kj->ij", p.reshape(rank, rows), q.reshape(rank, columns))
            update[name] = product.reshape(like[name])
        else:
            update[name], rest = rest[:rows].reshape(like[name]), rest[rows:]
    return update


def _orthonormal(vectors: np.ndarray) -> np.ndarray:
    """Gram-Schmidt basis of vectors [rank, rows], float32; a vector that depends on earlier ones becomes zero."""
    basis = vectors.astype(np.float64)
    for place, vector in enumerate(basis):
        length = np.sqrt((vector * vector).sum())
        for other in basis[:place]:
            vector -= (vector * other).sum() * other
        left = np.sqrt((vector * vector).sum())
        vector *= 1 / left if left > _ROUNDING * length else 0
    return basis.astype(np.float32)


def _layout(like: Shapes, rank: int) -> Iterator[tuple[str, int, int]]:
    """Yield name, rows and columns of each tensor; 0 columns if sending it whole takes no more space."""
    for name in sorted(like):
        shape = like[name]
        rows, columns = (shape[0], prod(shape[1:])) if len(shape) > 1 else (prod(shape), 0)
        worth = rank * (rows + columns) < rows * columns
        yield (name, rows, columns) if worth else (name, prod(shape), 0)
