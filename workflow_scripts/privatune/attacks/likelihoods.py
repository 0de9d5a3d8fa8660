"""Texts that one model writes, and how likely they are to it and to another.

The mechanism (Popov et al. 2018, 'Privacy, measured') writes texts of a fixed number of words. It starts behind `<eos>`
from the zero state and never writes `<unk>` or `<eos>`: their logits are masked and the rest is renormalised. So P is
the renormalised probability, in both models: of no other does the sum over all such texts be one.

Products are float32 and sums of logarithms float64. Products in bfloat16 would take two thirds of the time, but
log P(s | theta) / P(s | theta') of ten words was then wrong by 0.05, and by 0.02 on the average, where it has a
standard deviation of 0.2; in float32 by 1e-6.
"""

from typing import NamedTuple

import numpy as np
import torch

from privatune.core.streams import stream
from privatune.models.network import State, Weights, hidden_states, output_weight, zero_state
from privatune.text.settings import EOS, UNK

BLOCK = 1000  # texts that share a random stream
TOGETHER = 16  # blocks whose common beginnings are computed once
TILE = 512  # beginnings whose distributions are in memory at a time
COLUMNS = 128  # words of a group: a word is drawn by its group, then inside it


class Texts(NamedTuple):
    """What `write_texts` gives."""

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
    """Let `writer` write texts, and score them by both models.

    Args:
        writer: float32 weights of the model that writes.
        reader: weights of another model of the same words.
        texts: how many.
        words: words of a text.
        key: (seed, ...) of the random streams: text n is the same whatever `texts` and `together` are.
        together: thousands of texts that are written side by side; some 10 MB each.
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
    # texts that begin alike share one row of states; at first all do, behind the end of a line
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
    """Draw each text's next word from the first model; its probability in both, [2, texts]."""
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
            # float32 has nothing smaller; no word that one model writes is this unlikely to its neighbour
            likelihoods[n, texts] = probabilities[rows, drawn].double().clamp_min(1e-38).numpy()
    return words, likelihoods


def _distributions(model: _Model, hidden: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    """Distributions over the next word, in the memory of `logits`."""
    logits = torch.addmm(model.bias, hidden, model.output.t(), out=logits[: len(hidden)])
    return torch.ops.aten._softmax.out(logits, 1, False, out=logits)


def _draw(probabilities: torch.Tensor, rows: torch.Tensor, uniforms: torch.Tensor) -> torch.Tensor:
    """Inverse of the cumulative distribution, first over groups of words, then inside the group that is met."""
    groups = probabilities.unflatten(1, (-1, COLUMNS))
    ends = groups.sum(2).double().cumsum(1)[rows]
    group, way = _meet(ends, uniforms * ends[:, -1])
    place, _ = _meet(groups[rows, group].double().cumsum(1), way)
    return group * COLUMNS + place


def _meet(ends: torch.Tensor, point: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """The interval of each row that holds the point, never an empty one, and how far inside it the point lies."""
    # rounding may have put the point on the very end
    point = torch.minimum(point, torch.nextafter(ends[:, -1], torch.zeros_like(point)))
    place = torch.searchsorted(ends, point[:, None], right=True)
    starts = torch.where(place > 0, ends.gather(1, (place - 1).clamp_min(0)), 0)
    return place[:, 0], point - starts[:, 0]
