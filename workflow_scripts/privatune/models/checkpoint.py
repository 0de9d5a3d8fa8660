"""Models on disk: safetensors, with a small JSON header that says what they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import load_tensors, save_tensors
from privatune.models.network import Weights
from privatune.models.settings import NumericsSettings

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def save_weights(path: str | Path, weights: Weights, about: Mapping[str, Any] | None = None) -> None:
    """Write float32 weights atomically with the header `about`."""
    save_tensors(path, {name: weight.detach().cpu().numpy() for name, weight in weights.items()}, about)


def load_weights(path: str | Path) -> Weights:
    """Read a model; raises PrivatuneError naming the file when it is damaged."""
    return {name: torch.from_numpy(array) for name, array in load_tensors(path)[0].items()}


def use(numerics: NumericsSettings) -> torch.device:
    """Set the number of threads and return the device; raises PrivatuneError when it is not there."""
    torch.set_num_threads(numerics.threads)
    if numerics.device == "cuda" and not torch.cuda.is_available():
        raise PrivatuneError("device: cuda was chosen, but this machine has none; set `device: cpu`")
    return torch.device(numerics.device)
