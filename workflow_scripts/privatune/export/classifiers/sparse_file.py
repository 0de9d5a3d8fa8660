"""A file of weights in which an array with many zeros is stored as a bit mask and the values that are not zero."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import Arrays, map_tensors, save_tensors


def save_weights(path: str | Path, weights: Mapping[str, np.ndarray], about: Mapping[str, Any]) -> bool:
    """Atomically write float32 weights as safetensors with a header, and return whether any of them is stored sparse.

    Each weight is stored in the form that takes fewer bytes. The sparse form of NAME is `NAME.mask`, a uint8 array in
    which bit i % 8 of byte i // 8 says whether value i in row-major order is stored, and `NAME.values`, the stored
    values in this order. A stored value may be -0, whose bits are not zero. The header's `sparse` has the shapes of
    the weights in this form.
    """
    arrays: Arrays = {}
    shapes = {}
    for name, weight in weights.items():
        flat = np.ascontiguousarray(weight, np.float32).reshape(-1)
        stored = flat.view(np.uint32) != 0
        if -(-flat.size // 8) + 4 * np.count_nonzero(stored) < 4 * flat.size:
            arrays[f"{name}.mask"] = np.packbits(stored, bitorder="little")
            arrays[f"{name}.values"] = flat[stored]
            shapes[name] = list(weight.shape)
        else:
            arrays[name] = weight
    save_tensors(path, arrays, {**about, "sparse": shapes})
    return bool(shapes)


def load_weights(path: str | Path) -> Arrays:
    """Read what `save_weights` wrote, bit by bit the same; raises PrivatuneError if the file is damaged."""
    arrays, about = map_tensors(path, own=True)
    try:
        for name, shape in about["sparse"].items():
            stored = np.unpackbits(arrays.pop(f"{name}.mask"), count=math.prod(shape), bitorder="little").view(bool)
            flat = np.zeros(len(stored), np.float32)
            flat[stored] = arrays.pop(f"{name}.values")
            arrays[name] = flat.reshape(shape)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise PrivatuneError(f"{path}: not a file of weights; delete it and run again") from error
    return arrays
