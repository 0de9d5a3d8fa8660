"""The embeddings of an encoder: from tokens to the states that enter block 0, and back.

A state is a token's own embedding, plus that of its place (and of the only type of token), normalised. It is computed
here from the encoder's files, without transformers, whose import takes longer than all the rest of a short job.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json
from privatune.core.tensors import map_tensors
from privatune.privacy.metric import blocks


class Embeddings(NamedTuple):
    """What an encoder adds up and normalises."""

    table: np.ndarray  # [vocabulary, hidden] float32, the embedding of each token
    places: np.ndarray  # [places, hidden] float32, what is added at each place of a sentence
    scale: np.ndarray  # [hidden], of the normalisation
    shift: np.ndarray  # [hidden]
    epsilon: float

    @property
    def size(self) -> int:
        """The number of tokens."""
        return len(self.table)


def read_embeddings(model: str | Path) -> Embeddings:
    """Read the embeddings of an encoder of type BERT, RoBERTa or DistilBERT.

    Args:
        model: its model.safetensors; its config.json lies in the same folder.

    Raises:
        PrivatuneError: a file is damaged, or the encoder is of another type.
    """
    config, (arrays, _) = read_json(Path(model).with_name("config.json")), map_tensors(model)
    try:
        table, places, scale, shift = (
            np.array(arrays[f"embeddings.{name}"], np.float32)
            for name in ("word_embeddings.weight", "position_embeddings.weight", "LayerNorm.weight", "LayerNorm.bias")
        )
    except KeyError as error:
        raise PrivatuneError(f"{model}: its embeddings cannot be split; choose an encoder of another type") from error
    if "roberta" in config["model_type"]:
        places = places[config["pad_token_id"] + 1 :]
    if "embeddings.token_type_embeddings.weight" in arrays:
        places = places + arrays["embeddings.token_type_embeddings.weight"][0]
    return Embeddings(table, places, scale, shift, config.get("layer_norm_eps", 1e-12))


def entering(embeddings: Embeddings, ids: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """[tokens, hidden] float32: the states of sentences that enter block 0.

    Args:
        embeddings: those of the encoder.
        ids: [tokens] the tokens of all sentences, one after the other.
        offsets: [n + 1] int64, sentence i is the tokens `offsets[i]` to `offsets[i + 1]`.
    """
    states = embeddings.table[ids.astype(np.int64)] + embeddings.places[_places(offsets)]
    states -= states.mean(1, keepdims=True)
    states /= np.sqrt(np.square(states).mean(1, keepdims=True) + np.float32(embeddings.epsilon))
    return states * embeddings.scale + embeddings.shift


def decoded(embeddings: Embeddings, states: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """[tokens] int64: the tokens whose states enter block 0; it undoes `entering`, also where states were rounded.

    The normalisation keeps the direction of the sum of both embeddings around its mean, so the token is the one whose
    direction at this place has the largest cosine with that of the state.
    """
    moved = ((states - embeddings.shift) / embeddings.scale).astype(np.float32)
    own = embeddings.table - embeddings.table.mean(1, keepdims=True)
    place = _places(offsets)
    added = embeddings.places[: place.max(initial=0) + 1]
    added = added - added.mean(1, keepdims=True)
    squares = np.square(own).sum(1) + np.square(added).sum(1)[:, None] + 2 * added @ own.T
    lengths = np.sqrt(np.maximum(squares, 1e-12))  # [places, vocabulary]
    found = np.empty(len(states), np.int64)
    for rows in blocks(len(states), len(own)):
        scores = moved[rows] @ own.T + np.einsum("th,th->t", moved[rows], added[place[rows]])[:, None]
        found[rows] = (scores / lengths[place[rows]]).argmax(1)
    return found


def _places(offsets: np.ndarray) -> np.ndarray:
    """[tokens] int64: the place of each token in its sentence."""
    return np.arange(offsets[-1]) - np.repeat(offsets[:-1], np.diff(offsets))
