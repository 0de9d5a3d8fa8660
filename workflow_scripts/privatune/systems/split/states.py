"""States before they are noised: the rows of the embedding table at an embedding split, else what enters a block."""

from pathlib import Path

import numpy as np
import torch

from privatune.core.files import read_json, write_json
from privatune.core.tensors import map_tensors, save_tensors
from privatune.models.encoder import Encoder
from privatune.models.settings import NumericsSettings
from privatune.privacy.metric import neighbour_distance, of_text
from privatune.systems.split.cut import check_cut
from privatune.text.sentences import read_sentences
from privatune.training.activations import save_states


def save_cut_states(
    tokens: str | Path, encoder: Encoder, cut: int, numerics: NumericsSettings, path: str | Path
) -> None:
    """Write what is noised of the sentences of a file `tokens`: `states` [tokens, hidden], bits of bfloat16 in uint16.

    Raises PrivatuneError if the encoder cannot be cut there.
    """
    check_cut(encoder, cut)
    if cut:
        return save_states(tokens, encoder, f"after-{cut}", numerics, path)
    read = read_sentences(tokens)
    states = as_bits(table_of(encoder)[read.ids.astype(np.int64)])
    arrays = {"states": states, "offsets": read.offsets, "labels": read.labels, "part": read.part}
    save_tensors(path, arrays, {"classes": read.classes, "n": read.n}, private=True)


def save_distance(tokens: str | Path, states: str | Path, encoder: Encoder, cut: int, path: str | Path) -> None:
    """Write the median distance from a public token to the nearest other one, by which kappa becomes eta."""
    read, values = read_sentences(tokens), as_float(map_tensors(states)[0]["states"])
    text = of_text(read.offsets)
    others, kinds = values[text], read.ids[text]
    if not cut:
        others = table_of(encoder)
        kinds = np.arange(len(others))
    distance = neighbour_distance(values[text], read.ids[text], others, kinds)
    write_json(path, {"cut": cut, "distance": distance, "hidden": values.shape[1]})


def read_distance(path: str | Path) -> tuple[float, int]:
    """Return what `save_distance` wrote: the distance and the width of a state."""
    held = read_json(path)
    return held["distance"], held["hidden"]


def table_of(encoder: Encoder) -> np.ndarray:
    """[vocabulary, hidden] float32: the embedding of each token, before its position is added."""
    return encoder.network.get_input_embeddings().weight.detach().cpu().numpy()


def as_bits(states: np.ndarray) -> np.ndarray:
    """Round to bfloat16, of which the bits are in uint16."""
    return torch.from_numpy(np.ascontiguousarray(states)).bfloat16().view(torch.int16).numpy().view(np.uint16)


def as_float(bits: np.ndarray) -> np.ndarray:
    """Undo `as_bits`."""
    return (bits.astype(np.uint32) << 16).view(np.float32)
