"""Snapshots of a training, from which a stopped job continues."""

import json
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import load_tensors, save_tensors
from privatune.models.network import State, Weights


@dataclass
class Snapshot:
    """The state of a training after `step` steps."""

    weights: Weights
    state: State | None = None
    step: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)
    loss: float = 0.0  # in nats, since the last validation
    targets: int = 0  # since the last validation


def fingerprint(text: np.ndarray, *settings: Any) -> str:
    """Return the name of the folder of a training's snapshots, a digest of everything that decides its result.

    >>> fingerprint(np.arange(3), {"rate": 1.0}) == fingerprint(np.arange(3), {"rate": 0.5})
    False
    """
    digest = sha256(json.dumps(settings, sort_keys=True, default=str).encode())
    digest.update(np.ascontiguousarray(text).data)
    return digest.hexdigest()[:16]


def save_snapshot(folder: Path, snapshot: Snapshot) -> None:
    """Replace the last snapshot in the folder atomically."""
    tensors = dict(snapshot.weights)
    for layer, (h, c) in enumerate(snapshot.state or ()):
        tensors |= {f"state.{layer}.h": h.float(), f"state.{layer}.c": c.float()}
    about = {name: getattr(snapshot, name) for name in ("step", "curve", "loss", "targets")}
    save_tensors(folder / "last.safetensors", {name: t.detach().cpu().numpy() for name, t in tensors.items()}, about)


def load_snapshot(folder: Path) -> Snapshot | None:
    """Return the last snapshot in the folder, or None if there is none or it is damaged."""
    path = folder / "last.safetensors"
    if not path.exists():
        return None
    try:
        arrays, about = load_tensors(path)
    except PrivatuneError:
        return None
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    weights = {name: tensor for name, tensor in tensors.items() if not name.startswith("state.")}
    state = tuple((tensors[f"state.{n}.h"], tensors[f"state.{n}.c"]) for n in range((len(tensors) - len(weights)) // 2))
    return Snapshot(weights, state, **about)
