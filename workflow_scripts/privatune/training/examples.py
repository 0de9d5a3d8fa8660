"""Examples of different lengths, gathered into minibatches of which little is padding."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from privatune.core.tensors import map_tensors
from privatune.text.sentences import PARTS

Minibatch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]  # inputs, mask, labels


class Examples(NamedTuple):
    """The sentences of one part as a classifier reads them, one after the other in `values`.

    Rows of `values` are token ids (uint32 [tokens]), states (bfloat16 bits in uint16 [tokens, hidden]) or vectors
    (float32 [sentences, hidden]), of which a sentence has one.
    """

    values: np.ndarray
    starts: np.ndarray  # int64 [n], each example's first row
    lengths: np.ndarray  # int64 [n], each example's number of rows
    labels: np.ndarray  # int64 [n]


def read_examples(path: str | Path, part: str) -> Examples:
    """The examples of a part ("train", "validation" or "test") in a file of tokens, states or vectors.

    Their values stay on disk until they are drawn. Raises the errors of `map_tensors`.
    """
    arrays, _ = map_tensors(path)
    values = next(arrays[name] for name in ("ids", "states", "vectors") if name in arrays)
    chosen = np.flatnonzero(arrays["part"] == PARTS.index(part))
    offsets = arrays.get("offsets", np.arange(len(arrays["labels"]) + 1))
    return Examples(values, offsets[chosen], np.diff(offsets)[chosen], arrays["labels"][chosen])


def minibatches(
    examples: Examples, indices: np.ndarray, most_tokens: int, device: torch.device | str = "cpu"
) -> Iterator[Minibatch]:
    """Yield the drawn examples, the longest first, cut into minibatches of at most `most_tokens` rows with padding.

    An example that is longer than `most_tokens` is a minibatch of its own. No draw yields no minibatch.

    Args:
        examples: the examples of one part.
        indices: [drawn] which of them are drawn; examples of equal length stay in this order.
        most_tokens: the largest number of rows.
        device: where the tensors are needed.

    Yields:
        inputs: int64 [batch, length], float32 [batch, length, hidden] or float32 [batch, hidden]; padding is zero.
        mask: bool [batch, length], true at real tokens.
        labels: int64 [batch].
    """
    indices = np.asarray(indices, np.int64)
    order = indices[np.argsort(-examples.lengths[indices], kind="stable")]
    start = 0
    while start < len(order):
        size = max(1, most_tokens // max(1, int(examples.lengths[order[start]])))
        inputs, mask, labels = _gathered(examples, order[start : start + size])
        yield inputs.to(device), mask.to(device), labels.to(device)
        start += size


def _gathered(examples: Examples, rows: np.ndarray) -> Minibatch:
    """The minibatch of some examples, the longest first."""
    values, lengths = examples.values, examples.lengths[rows]
    places = np.arange(max(1, int(lengths[0])))
    mask = places < lengths[:, None]
    taken = (examples.starts[rows][:, None] + places)[mask]
    drawn = np.take(values, taken, axis=0)
    labels = torch.from_numpy(examples.labels[rows])
    if values.dtype == np.float32:
        return torch.from_numpy(drawn), torch.from_numpy(mask), labels
    padded = np.zeros((*mask.shape, *values.shape[1:]), drawn.dtype if values.ndim > 1 else np.int64)
    padded[mask] = drawn
    inputs = torch.from_numpy(padded)
    return (inputs.view(torch.bfloat16).float() if values.ndim > 1 else inputs), torch.from_numpy(mask), labels
