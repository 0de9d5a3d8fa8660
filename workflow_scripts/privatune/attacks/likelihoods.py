"""Let one model write texts, and compute how likely they are under it and under another model.

The mechanism (Popov et al. 2018, 'Privacy, measured') writes texts of a fixed number of words. It starts from the zero
state after `<eos>` and never writes `<unk>` or `<eos>`: their logits are masked and the others renormalised. P is this
renormalised probability in both models, since it is the one that sums to one over all such texts.

Products are float32 and sums of logarithms are float64. Products in bfloat16 would take two thirds of the time, but
log P(s | theta) / P(s | theta') for ten words would then be wrong by 0.02 on average and by up to 0.05, while its
standard deviation is 0.2. In float32 the error is 1e-6.
"""

from typing import NamedTuple

import numpy as np
import torch

from privatune.core.streams import stream
from privatune.models.network import State, Weights, hidden_states, output_weight, zero_state
from privatune.text.settings import EOS, UNK

BLOCK = 1000  # how many texts share a random stream
TOGETHER = 16  # how many blocks are written at once, so that their common beginnings are computed once
TILE = 512  # how many beginnings have their distributions in memory at a time
COLUMNS = 128  # words per group: a draw picks a group first, then a word in it


class Texts(NamedTuple):
    """The result of `write_texts`."""

    words: np.ndarray
    """[texts, words] int64, word ids."""
    log_writer: np.ndarray
    """[texts] float64, log P(s | writer) in nats."""
    log_reader: np.ndarray
    """[texts] float64, log P(s | reader) in nats."""


class _Model(NamedTuple):
    weights: Weights
    output: torch.Tensor  # [vocabulary padded to whole groups, hidden]
    bias: torch.Tensor  # minus infinity for what is never written


def write_texts(
    writer: Weights, reader: Weights, texts: int, words: int, key: tuple[int | str, ...], together: int = TOGETHER
) -> Texts:
    """Let `writer` write texts, and score them with both models.

    Args:
        writer: the float32 weights of the model that writes.
        reader: the weights of another model with the same vocabulary.
        texts: how many texts to write.
        words: how many words each text has.
        key: the key (seed, ...) of the random streams; text n does not depend on `texts` or `together`.
        together: how many thousands of texts to write side by side; each thousand takes about 10 MB.
    """
    models = [_model(weights) for weights in (writer, reader)]
    logits = torch.empty(TILE, len(models[0].bias))
    parts = []
    with torch.no_grad():
        for start in range(0, texts, together * BLOCK):
            blocks = range(start // BLOCK, min(start // BLOCK + together, -(-texts // BLOCK)))
            uniforms = np.concatenate([_uniforms(key, block, words) for block in blocks])[: texts - start]
            parts.append(_write(models, uniforms, logits))
    return Texts(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))


def _uniforms(key: tuple[int | str, ...], block: int, words: int) -> np.ndarray:
    seed, *rest = key
    return stream(int(seed), "texts", *rest, block).random((BLOCK, words))


def _model(weights: Weights) -> _Model:
    output, bias = output_weight(weights), weights["output.bias"].clone()
    bias[[UNK, EOS]] = -torch.inf
    missing = -len(output) % COLUMNS
    output = torch.nn.functional.pad(output, (0, 0, 0, missing))
    return _Model(weights, output, torch.nn.functional.pad(bias, (0, missing), value=-torch.inf))


def _write(models: list[_Model], uniforms: np.ndarray, logits: torch.Tensor) -> tuple[np.ndarray, ...]:
    texts, words = uniforms.shape
    written, logs = np.empty((texts, words), np.int64), np.zeros((2, texts))
    # texts with the same beginning share one row of states; at first all do, after the end of a line
    row, last = np.zeros(texts, np.int64), torch.tensor([EOS])
    states: list[State] = [zero_state(model.weights, 1) for model in models]
    for place in range(words):
        hidden = []
        for n, model in enumerate(models):
            output, states[n] = hidden_states(model.weights, model.weights["embedding"][last][None], states[n])
            hidden.append(output[0])
        written[:, place], likelihoods = _next_words(models, hidden, row, uniforms[:, place], logits)
        logs += np.log(likelihoods)
        vocabulary = logits.shape[1]
        beginnings, row = np.unique(row * vocabulary + written[:, place], return_inverse=True)
        before, last = (torch.from_numpy(part) for part in np.divmod(beginnings, vocabulary))
        states = [tuple((h[:, before], c[:, before]) for h, c in state) for state in states]
    return written, logs[0], logs[1]


def _next_words(
    models: list[_Model], hidden: list[torch.Tensor], row: np.ndarray, uniforms: np.ndarray, logits: torch.Tensor
) -> tuple[np.ndarray, np.ndarray]:
    """Draw each text's next word from the first model; return the words and their probabilities, [2, texts]."""
    words, likelihoods = np.empty(len(row), np.int64), np.empty((2, len(row)))
    order = np.argsort(row, kind="stable")
    starts = range(0, len(hidden[0]), TILE)
    edges = [*np.searchsorted(row[order], starts), len(row)]
    for start, low, high in zip(starts, edges, edges[1:], strict=False):
        texts = order[low:high]
        rows = torch.from_numpy(row[texts] - start)
        for n, (model, outputs) in enumerate(zip(models, hidden, strict=True)):
            probabilities = _distributions(model, outputs[start : start + TILE], logits)
            if n == 0:
                drawn = _draw(probabilities, rows, torch.from_numpy(uniforms[texts]))
                words[texts] = drawn.numpy()
            # avoid log 0; no word that one model writes is really this unlikely under its neighbour
            likelihoods[n, texts] = probabilities[rows, drawn].double().clamp_min(1e-38).numpy()
    return words, likelihoods


def _distributions(model: _Model, hidden: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Return the distributions over the next word, in the memory of `logits`."""
    logits = torch.addmm(model.bias, hidden, model.output.t(), out=logits[: len(hidden)])
    return torch.ops.aten._softmax.out(logits, 1, False, out=logits)


def _draw(probabilities: torch.Tensor, rows: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """Invert the cumulative distribution, first over groups of words, then within the chosen group."""
    groups = probabilities.unflatten(1, (-1, COLUMNS))
    ends = groups.sum(2).double().cumsum(1)[rows]
    group, way = _meet(ends, uniforms * ends[:, -1])
    place, _ = _meet(groups[rows, group].double().cumsum(1), way)
    return group * COLUMNS + place


def _meet(ends: torch.Tensor, point: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the non-empty interval of each row that holds the point, and how far inside it the point lies."""
    # rounding may have put the point exactly at the end
    point = torch.minimum(point, torch.nextafter(ends[:, -1], torch.zeros_like(point)))
    place = torch.searchsorted(ends, point[:, None], right=True)
    starts = torch.where(place > 0, ends.gather(1, (place - 1).clamp_min(0)), 0)
    return place[:, 0], point - starts[:, 0]
