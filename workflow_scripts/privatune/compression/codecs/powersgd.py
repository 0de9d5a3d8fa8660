"""PowerSGD: each matrix as a product of two thin ones, found by a step of power iteration (Vogels et al. 2019).

The paper's workers share P and Q by two all-reduces. Here each client has its own pair, and goes on from its own Q.
"""

from collections.abc import Iterator
from math import prod

import numpy as np

from privatune.compression import wire
from privatune.compression.settings import PowersgdSettings
from privatune.compression.vectors import Shapes, flat, shaped, shapes_of
from privatune.core.streams import stream
from privatune.core.tensors import Arrays


def encode(
    update: Arrays, state: Arrays, settings: PowersgdSettings, key: int, cohort_size: int
) -> tuple[bytes, Arrays]:
    """32 rank (rows + columns) bits a matrix, 32 a value of any other tensor, and the header (algorithm 1).

    The state holds Q [columns, rank] for each matrix; the first one is drawn.
    """
    like = shapes_of(update)
    tensors, after, sent = shaped(flat(update), like), {}, []
    for name, rows, columns in _layout(like, settings.rank):
        if not columns:
            sent.append(tensors[name].ravel())
            continue
        matrix, kept = tensors[name].reshape(rows, columns), f"Q of {name}"
        q = state.get(kept)
        if q is None:
            q = stream(key, "powersgd", name).standard_normal((columns, settings.rank), np.float32)
        p = np.linalg.qr(matrix @ q)[0]
        after[kept] = matrix.T @ p
        sent += [p.ravel(), after[kept].ravel()]
    section = np.concatenate(sent) if sent else np.empty(0)
    return wire.write("powersgd", like, [section.astype("<f4")], settings.zstd), after


def decode(payload: bytes, like: Shapes, settings: PowersgdSettings) -> Arrays:
    """P Q^T for each matrix, other tensors as they were; raises PrivatuneError when the payload is damaged."""
    layout = list(_layout(like, settings.rank))
    count = sum(settings.rank * (rows + columns) if columns else rows for _, rows, columns in layout)
    (section,) = wire.read(payload, "powersgd", like, [4 * count])
    rest, update = wire.numbers(section, "<f4", count), {}
    for name, rows, columns in layout:
        if columns:
            p, q, rest = np.split(rest, [settings.rank * rows, settings.rank * (rows + columns)])
            with np.errstate(over="ignore", invalid="ignore"):  # what overflows is refused as not finite
                update[name] = (p.reshape(rows, -1) @ q.reshape(columns, -1).T).reshape(like[name])
        else:
            update[name], rest = rest[:rows].reshape(like[name]), rest[rows:]
    return update


def _layout(like: Shapes, rank: int) -> Iterator[tuple[str, int, int]]:
    """Name, rows and columns of each tensor in order; 0 columns where it is sent whole, as that takes no more."""
    for name in sorted(like):
        shape = like[name]
        rows, columns = (shape[0], prod(shape[1:])) if len(shape) > 1 else (prod(shape), 0)
        worth = rank * (rows + columns) < rows * columns
        yield (name, rows, columns) if worth else (name, prod(shape), 0)
