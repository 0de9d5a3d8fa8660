"""Measure how well a model knows a canary: its rank among random continuations, and whether a beam search finds it.

Both condition on the canary's first words. The model reads them from the zero state after the end of a line, as at the
start of any line of text (Ramaswamy et al. 2020, 'Random Sampling' and 'Beam Search'; exposure is that of Carlini et
al. 2019, 'The Secret Sharer').
"""

import math
from typing import NamedTuple

import numpy as np
import torch

from privatune.attacks.canaries import PREFIX
from privatune.core.errors import PrivatuneError
from privatune.core.proportions import share_interval
from privatune.core.streams import stream
from privatune.models import network
from privatune.models.network import State, Weights, hidden_states, zero_state
from privatune.text.settings import EOS, MARKS

TILE = 256  # how many contexts have their distributions over the vocabulary in memory at a time
TIE = 1e-5  # nats; equal continuations differ by less than this, because rounding depends on the place in a tile


class Exposure(NamedTuple):
    """A canary's rank, and its exposure in bits with a confidence interval."""

    rank: int
    references: int
    exposure: float
    low: float
    high: float


def exposure(before: int, references: int, space: float, confidence: float = 0.95) -> Exposure:
    """Return the exposure log2(references) - log2(rank), where rank = 1 + before.

    Args:
        before: how many random continuations are at least as likely as the canary. A tie counts, as in Carlini et al.
            (2019), so a model that finds everything equally likely has exposure 0.
        references: how many random continuations were drawn independently.
        space: how many continuations exist.
        confidence: the confidence of the interval for -log2(p), where p is the share of the whole space that is at
            least as likely as the canary. The interval for p is Clopper and Pearson's, but p is never below 1 / space,
            which the canary itself accounts for.

    >>> exposure(0, 1024, 1e12).exposure, exposure(3, 1024, 1e12).exposure
    (10.0, 8.0)
    """
    if not 0 <= before <= references or references < 1:
        raise ValueError(f"{before=} of {references=}")
    least, most = share_interval(before, references, confidence)
    rank = before + 1
    value = math.log2(references) - math.log2(rank)
    return Exposure(rank, references, value, abs(math.log2(most)), -math.log2(max(least, 1 / space)))


def sampled_exposure(
    weights: Weights, canary: np.ndarray, references: int, key: tuple[int | str, ...], confidence: float = 0.95
) -> Exposure:
    """Rank the canary's last words among random continuations of its first words.

    Args:
        weights: the model's float32 weights.
        canary: the canary's word ids.
        references: how many random continuations to draw; their words are drawn as those of canaries are.
        key: the key (seed, ...) of the draws.
        confidence: the confidence of the interval.

    Raises:
        PrivatuneError: a score is not a finite number.
    """
    vocabulary, (seed, *rest) = len(weights["embedding"]), key
    size = (references, len(canary) - PREFIX)
    drawn = stream(int(seed), "continuations", *rest).integers(len(MARKS), vocabulary, size)
    scores = log_perplexities(weights, canary[:PREFIX], np.concatenate([canary[None, PREFIX:], drawn]))
    before = int((scores[1:] <= scores[0] + TIE).sum())
    return exposure(before, references, float(vocabulary - len(MARKS)) ** size[1], confidence)


def log_perplexities(weights: Weights, prefix: np.ndarray, continuations: np.ndarray) -> np.ndarray:
    """Return -log P(continuation | prefix) in nats, [n] float64.

    Each context is read once, however many continuations share it. Continuations are sorted, so that contexts come in
    tiles, and one tile of contexts of k words leads to tiles of contexts of k + 1 words. The result is exact: the
    normaliser covers the whole vocabulary.

    Args:
        weights: the model's float32 weights.
        prefix: [words] ids that are given.
        continuations: [n, words] ids.

    Raises:
        PrivatuneError: a score is not a finite number.
    """
    order = np.lexsort(continuations.T[::-1])
    found = np.zeros(len(order))
    logits = torch.empty(TILE, len(weights["embedding"]))
    with torch.no_grad():
        hidden, state = _read(weights, prefix)
        _score(weights, hidden, state, np.zeros(len(order), np.int64), continuations[order], logits, found)
    scores = np.empty_like(found)
    scores[order] = _finite(found)
    return scores


def _finite(scores: np.ndarray) -> np.ndarray:
    if not np.isfinite(scores).all():
        raise PrivatuneError(
            "canaries: a model's scores are not finite, so it has diverged; lower its learning_rate, clip or noise"
        )
    return scores


def _read(weights: Weights, prefix: np.ndarray) -> tuple[torch.Tensor, State]:
    """Return the last output [1, width] and the state after the end of a line and the prefix."""
    words = torch.from_numpy(np.concatenate([[EOS], prefix]))
    output, state = hidden_states(weights, weights["embedding"][words][:, None], zero_state(weights, 1))
    return output[-1], state


def _log_distributions(weights: Weights, hidden: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
    logits = network.logits(weights, hidden, logits[: len(hidden)])
    return torch.ops.aten._log_softmax.out(logits, 1, False, out=logits)


def _score(
    weights: Weights,
    hidden: torch.Tensor,
    state: State,
    row: np.ndarray,
    words: np.ndarray,
    logits: torch.Tensor,
    found: np.ndarray,
) -> None:
    """Add the scores of sorted continuations `words` [n, words] to `found` [n].

    Continuation i follows context row[i]; `row` is ascending, and there are at most TILE contexts. `hidden` [contexts,
    width] and `state` belong to the contexts.
    """
    logs = _log_distributions(weights, hidden, logits)
    found -= logs[torch.from_numpy(row), torch.from_numpy(words[:, 0].copy())].numpy()
    if words.shape[1] == 1:
        return
    changes = np.ones(len(row), bool)
    changes[1:] = (np.diff(row) != 0) | (np.diff(words[:, 0]) != 0)
    first, longer = np.flatnonzero(changes), np.cumsum(changes) - 1
    for start in range(0, len(first), TILE):
        tile = first[start : start + TILE]
        part = slice(tile[0], first[start + TILE] if start + TILE < len(first) else len(row))
        before = torch.from_numpy(row[tile])
        read = weights["embedding"][torch.from_numpy(words[tile, 0])]
        output, after = hidden_states(weights, read[None], tuple((h[:, before], c[:, before]) for h, c in state))
        _score(weights, output[0], after, longer[part] - start, words[part, 1:], logits, found[part])


def beam_search(weights: Weights, prefix: np.ndarray, words: int, width: int = 5) -> np.ndarray:
    """Return the most likely continuations that a search with `width` beams finds, best first, [width, words].

    `<unk>` and `<eos>` never occur in canaries and are skipped. Among equal scores, the lower beam and id come first.
    A score that is not a finite number raises PrivatuneError.
    """
    with torch.no_grad():
        hidden, state = _read(weights, prefix)
        found, scores = np.empty((1, 0), np.int64), np.zeros((1, 1))
        for place in range(words):
            if place:
                read = weights["embedding"][torch.from_numpy(found[:, -1])]
                output, state = hidden_states(weights, read[None], state)
                hidden = output[0]
            logits = torch.empty(len(hidden), len(weights["embedding"]))
            totals = scores + _log_distributions(weights, hidden, logits).double().numpy()[:, len(MARKS) :]
            best = np.argsort(-_finite(totals).ravel(), kind="stable")[:width]
            beam, word = np.divmod(best, totals.shape[1])
            found, scores = np.c_[found[beam], word + len(MARKS)], totals.ravel()[best, None]
            state = tuple((h[:, beam], c[:, beam]) for h, c in state)
    return found


def beam_found(weights: Weights, canary: np.ndarray, width: int = 5) -> bool:
    """Tell whether the canary's last words are among the top `width` continuations of its first words."""
    found = beam_search(weights, canary[:PREFIX], len(canary) - PREFIX, width)
    return bool((found == canary[PREFIX:]).all(1).any())
