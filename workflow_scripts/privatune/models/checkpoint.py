"""Models on disk: safetensors, with a small JSON header that says what they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import load_tensors, save_tensors
from privatune.models.network import KINDS, Weights, kind_of
from privatune.models.settings import NumericsSettings

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def save_weights(path: str | Path, weights: Weights, about: Mapping[str, Any] | None = None) -> None:
    """Write float32 weights atomically with the header `about`; `model.kind` in it is what they are."""
    arrays = {name: weight.detach().cpu().numpy() for name, weight in weights.items()}
    save_tensors(path, arrays, {"model": {"kind": kind_of(weights)}, **(about or {})})


def load_weights(path: str | Path) -> Weights:
    """Read a model; raises PrivatuneError naming the file when it is damaged, or not of the kind that it states."""
    arrays, about = load_tensors(path)
    stated = about.get("model", {}).get("kind")
    if stated not in KINDS or stated != kind_of(arrays):
        raise PrivatuneError(
            f"{path}: a model of kind {stated}, where its layers are named {kind_of(arrays)}; known kinds are "
            f"{', '.join(KINDS)}: delete it and run again"
        )
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def use(numerics: NumericsSettings) -> torch.device:
    """Set the number of threads and return the device; raises PrivatuneError when it is not there."""
    torch.set_num_threads(numerics.threads)
    if numerics.device == "cuda" and not torch.cuda.is_available():
        raise PrivatuneError("device: cuda was chosen, but this machine has none; set `device: cpu`")
    return torch.device(numerics.device)
