"""Deep gradient compression (Lin et al. 2018): top-k with momentum correction, clipping, factor masking and warm-up."""

import math

import numpy as np

from privatune.compression import sparse
from privatune.compression.kernels.selection import top_k
from privatune.compression.settings import DgcSettings
from privatune.core.tensors import Arrays
from privatune.core.vectors import Shapes, flat, shaped, shapes_of

# shares sent in the stages of the warm-up, which are sparsities of 75, 93.75, 98.4375 and 99.6 % (section 3.3)
_WARMUP = (0.25, 0.0625, 0.015625, 0.004)


def encode(update: Arrays, state: Arrays, settings: DgcSettings, key: int, cohort_size: int) -> tuple[bytes, Arrays]:
    """A payload of k float32 values of the accumulated velocity and their packed indices (algorithm 4).

    The state holds u, the momentum [n], v, the velocity that is yet to be sent [n], and the number of steps so far.

    A client of the paper adds g / N to a sum over N clients and clips it to N^-1/2 times the threshold of that sum.
    Here the server divides by N instead, so g itself is clipped to N times as much: N^1/2 times `clip`.
    """
    values = flat(update)
    values *= _clipping(values, settings.clip * math.sqrt(cohort_size))
    step = int(state.get("step", 0))
    u = values + np.float32(settings.momentum) * state["u"] if "u" in state else values
    v = u + state["v"] if "v" in state else u.copy()
    indices = top_k(v, sparse.kept(_share(settings, step), len(v)))
    payload = sparse.write("dgc", shapes_of(update), indices, v[indices], settings.zstd)
    # factor masking: old momentum must not keep moving the values that were just sent
    u[indices] = v[indices] = 0
    return payload, {"u": u, "v": v, "step": np.array(step + 1)}


def decode(payload: bytes, like: Shapes, settings: DgcSettings) -> Arrays:
    """The values that were sent, and zero elsewhere; raises PrivatuneError when the payload is damaged."""
    return shaped(sparse.read(payload, "dgc", like), like)


def _share(settings: DgcSettings, step: int) -> float:
    stage = step // settings.warmup_steps if settings.warmup_steps else len(_WARMUP)
    return max(settings.share, _WARMUP[stage]) if stage < len(_WARMUP) else settings.share


def _clipping(values: np.ndarray, limit: float) -> np.float32:
    norm = math.sqrt(np.square(values, dtype=np.float64).sum())
    return np.float32(min(1.0, limit / norm)) if norm else np.float32(1)
