"""Read and write models as safetensors with a small JSON header that states their kind."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch.backends.cudnn import rnn

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import load_tensors, save_tensors
from privatune.models.network import KINDS, Weights, kind_of
from privatune.models.settings import NumericsSettings

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def save_weights(path: str | Path, weights: Weights, about: Mapping[str, Any] | None = None) -> None:
    """Atomically write float32 weights with the header `about`, whose `model.kind` is set to their kind."""
    arrays = {name: weight.detach().cpu().numpy() for name, weight in weights.items()}
    save_tensors(path, arrays, {"model": {"kind": kind_of(weights)}, **(about or {})})


def load_weights(path: str | Path) -> Weights:
    """Read a model; raises PrivatuneError naming the file if it is damaged or not of the kind that it states."""
    arrays, about = load_tensors(path)
    stated = about.get("model", {}).get("kind")
    if stated not in KINDS or stated != kind_of(arrays):
        raise PrivatuneError(
            f"{path}: its header states kind {stated}, but its layers are of kind {kind_of(arrays)}; known kinds are "
            f"{', '.join(KINDS)}: delete it and run again"
        )
    return {name: torch.from_numpy(array) for name, array in arrays.items()}


def use(numerics: NumericsSettings) -> torch.device:
    """Set torch's number of threads and return its device; raises PrivatuneError if the machine lacks it.

    A GPU then adds in a fixed order, so that the same job gives the same bits again, and takes whole float32 factors.
    """
    torch.set_num_threads(numerics.threads)
    if numerics.accelerator == "cuda":
        if not torch.cuda.is_available():
            raise PrivatuneError("accelerator: cuda is set, but this machine has no CUDA GPU; set `accelerator: cpu`")
        memory: Any = torch.utils.deterministic
        products: Any = rnn
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS, which reads it later, asks for this
        torch.use_deterministic_algorithms(True, warn_only=True)
        memory.fill_uninitialized_memory = False  # it costs time, and nothing reads such memory
        warnings.filterwarnings("ignore", "RNN module weights")  # they are copied at each call, which is cheap
        products.fp32_precision = "ieee"  # by default its factors are cut to the 10 bits of TF32
    return torch.device(numerics.accelerator)
