"""What frozen parts of an encoder compute, stored once: sentence vectors, and states between two blocks."""

from pathlib import Path

import numpy as np
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import save_tensors
from privatune.models.checkpoint import use
from privatune.models.encoder import Encoder, last_states, lower, sentence, upper_blocks
from privatune.models.settings import NumericsSettings
from privatune.text.sentences import Sentences, read_sentences
from privatune.training.examples import Examples, minibatches

_TOKENS = 1024  # of a minibatch: with four times as many, a core takes 15 % longer


def save_states(tokens: str | Path, encoder: Encoder, place: str, numerics: NumericsSettings, path: str | Path) -> None:
    """Write the states at one place of the encoder, for the sentences of the file `tokens`.

    `states` is [tokens, hidden] as the bits of bfloat16 in uint16; the other arrays are those of `tokens`. The file is
    private. `place` is last-K, for the states that enter the last K blocks, or after-K, for those after the first K.

    Raises PrivatuneError when the encoder has fewer blocks or cannot be cut.
    """
    device = use(numerics)
    count = int(place.rpartition("-")[2])
    upper_blocks(encoder, count)  # it refuses
    block = count if place.startswith("after-") else encoder.blocks - count
    read = _checked(tokens, encoder)
    network = encoder._replace(network=encoder.network.to(device))
    states = np.empty((len(read.ids), encoder.hidden), np.uint16)
    for ids, mask, rows in minibatches(_all(read.ids, read.offsets), np.arange(len(read.labels)), _TOKENS, device):
        with torch.inference_mode(), _precision(numerics):
            found = lower(network, ids, mask, block)[mask]
        places = read.offsets[rows.cpu().numpy()][:, None] + np.arange(ids.shape[1])
        states[places[mask.cpu().numpy()]] = found.bfloat16().cpu().view(torch.int16).numpy().view(np.uint16)
    arrays = {"states": states, "offsets": read.offsets, "labels": read.labels, "part": read.part}
    save_tensors(path, arrays, {"classes": read.classes, "n": read.n}, private=True)


def save_vectors(tokens: str | Path, encoder: Encoder, numerics: NumericsSettings, path: str | Path) -> None:
    """Write the vectors of the sentences of the file `tokens`, and those of the labels' phrases.

    `vectors` [n, hidden] and `phrases` [classes, hidden] are float32; without phrases, the latter are zeros. The other
    arrays are those of `tokens`. The file is private.
    """
    device = use(numerics)
    read = _checked(tokens, encoder)
    network = encoder._replace(network=encoder.network.to(device))
    phrases = np.zeros((len(read.classes), encoder.hidden), np.float32)
    if len(read.phrase_ids):
        phrases = _vectors(network, read.phrase_ids, read.phrase_offsets, numerics, device)
    arrays = {
        "vectors": _vectors(network, read.ids, read.offsets, numerics, device),
        "phrases": phrases,
        "labels": read.labels,
        "part": read.part,
    }
    save_tensors(path, arrays, {"classes": read.classes, "n": read.n}, private=True)


def _vectors(
    encoder: Encoder, ids: np.ndarray, offsets: np.ndarray, numerics: NumericsSettings, device: torch.device
) -> np.ndarray:
    vectors = np.empty((len(offsets) - 1, encoder.hidden), np.float32)
    for drawn, mask, rows in minibatches(_all(ids, offsets), np.arange(len(vectors)), _TOKENS, device):
        with torch.inference_mode(), _precision(numerics):
            states = last_states(encoder.network, encoder.family, drawn, mask)
        vectors[rows.cpu().numpy()] = sentence(states, mask, encoder.family.causal).cpu().numpy()
    return vectors


def _all(ids: np.ndarray, offsets: np.ndarray) -> Examples:
    """All texts as examples, whose labels are their places."""
    return Examples(ids, offsets[:-1], np.diff(offsets), np.arange(len(offsets) - 1))


def _checked(tokens: str | Path, encoder: Encoder) -> Sentences:
    """Read sentences that the encoder can take."""
    read = read_sentences(tokens)
    longest = max(int(np.diff(read.offsets).max(initial=0)), int(np.diff(read.phrase_offsets).max(initial=0)))
    if longest > encoder.longest:
        raise PrivatuneError(
            f"{tokens}: a text has {longest} tokens, but the encoder reads {encoder.longest}; lower `max_tokens`"
        )
    return read


def _precision(numerics: NumericsSettings) -> torch.autocast:
    return torch.autocast(numerics.accelerator, torch.bfloat16, enabled=numerics.precision == "bfloat16")
