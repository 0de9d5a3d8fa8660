"""Metric privacy of token representations: noise whose protection is measured by distance (Feyisetan et al. 2020).

The state phi(x) of a token becomes z = phi(x) + l v, where l ~ Gamma(d, 1 / eta) and v is uniform on the unit sphere of
R^d. The density of z is proportional to exp(-eta ||z - phi(x)||), so by the triangle inequality

    Pr[M(x) in S] <= exp(eta ||phi(x) - phi(x')||) Pr[M(x') in S]

for any two tokens x and x' that are noised with the same eta. Split-and-Privatize (Shen et al. 2023) sends such states.
"""

import math
from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream

_VALUES = 1 << 22  # values that are drawn or compared at a time: 16 MB, because larger parts leave the cache
# candidates beyond those asked for, in case products of this precision rank near neighbours wrongly
_SPARE = {torch.float32: 8, torch.bfloat16: 15}
_CLOSEST = 3  # candidates beyond those asked for that are also compared in float64
_SAMPLE = 2000  # tokens from which the median distance to the nearest other token is taken


class Guarantee(NamedTuple):
    """What is proved about the states that were sent, and why."""

    kind: Literal["per token", "per sentence", "within one level", "none"]
    reason: str


def of_text(offsets: np.ndarray) -> np.ndarray:
    """[tokens] bool: false at the first and the last token of each sentence, which are the encoder's marks.

    Args:
        offsets: [n + 1] int64, sentence i is the tokens `offsets[i]` to `offsets[i + 1]`.

    >>> of_text(np.array([0, 4, 6])).tolist()
    [False, True, True, False, False, False]
    """
    text = np.ones(int(offsets[-1]), bool)
    text[offsets[:-1]] = text[offsets[1:] - 1] = False
    return text


def eta_of(kappa: float, hidden: int, distance: float) -> float:
    """Return eta from kappa, the deviation of the noise in any one direction over half the distance between tokens.

    kappa = 2 sqrt(d) / (eta D). The nearest state is a wrong token's when the noise in the direction of that token is
    larger than half the distance D to it.

    Args:
        kappa: above 0.
        hidden: d, the number of values of a state.
        distance: D, the result of `neighbour_distance`.

    >>> eta_of(0.5, hidden=100, distance=2.0)
    20.0
    """
    return 2 * math.sqrt(hidden) / (kappa * distance)


def neighbour_distance(states: np.ndarray, ids: np.ndarray, candidates: np.ndarray, candidate_ids: np.ndarray) -> float:
    """Median, over up to 2,000 evenly spaced tokens, of the distance to the nearest state of another token.

    Args:
        states: [tokens, hidden] public states, without marks.
        ids: [tokens] what token each of them is.
        candidates: [others, hidden] the states among which neighbours are looked for: those of public text at the same
            depth, or the whole embedding table if the states are embeddings.
        candidate_ids: [others] what token each of them is.

    Raises:
        PrivatuneError: there are not two different tokens.
    """
    chosen = np.linspace(0, len(states) - 1, min(len(states), _SAMPLE)).astype(np.int64)
    other, kinds = _tensor(candidates), torch.from_numpy(np.array(candidate_ids, np.int64))
    found = torch.full((len(chosen),), math.inf)
    for rows in blocks(len(chosen), len(other)):
        distances = torch.cdist(_tensor(states[chosen[rows]]), other, compute_mode="use_mm_for_euclid_dist")
        same = torch.from_numpy(np.array(ids[chosen[rows]], np.int64))[:, None] == kinds
        found[rows] = distances.masked_fill_(same, math.inf).amin(1)
    median = float(found.median()) if len(found) else math.inf
    if not 0 < median < math.inf:
        raise PrivatuneError("kappa: no public token has a different one near it; give more public text")
    return median


def privatised(states: np.ndarray, eta: np.ndarray, seed: int, *keys: int | str) -> np.ndarray:
    """Add noise to states: [tokens, hidden] float32, from one draw of radius and direction per token.

    Another draw for the same sentences is a second release, and the mean of both has less noise, so the result is kept
    and used for every epoch. Densities are those of real numbers; the rounding of float32 is not part of the statement.

    Args:
        states: [tokens, hidden] float32, the tokens of all sentences one after the other, without padding.
        eta: [tokens] above 0, the inverse of the scale of each token's radius; infinite for a token that stays as it
            is, such as the encoder's marks.
        seed, keys: the streams of the draws. The noise of a token depends on its place and not on the other tokens.

    Raises:
        PrivatuneError: an eta is not above 0, or so small that the noise is not finite.
    """
    tokens, hidden = states.shape
    if eta.shape != (tokens,) or not bool(np.all(eta > 0)):
        raise PrivatuneError("eta: each token needs a value above 0; raise the noise's eta, or lower kappa")
    radius = stream(seed, "radius of metric noise", *keys).standard_gamma(hidden, tokens) / eta
    directions = stream(seed, "direction of metric noise", *keys)
    noised = np.array(states, np.float32)
    for block in blocks(tokens, hidden):
        drawn = directions.standard_normal(noised[block].shape, np.float32)
        length = radius[block] / np.linalg.norm(drawn.astype(np.float64), axis=1)
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            noised[block] += drawn * length.astype(np.float32)[:, None]
    if not np.isfinite(noised).all():
        raise PrivatuneError("eta: the noise is larger than numbers can be; raise eta, or lower kappa")
    return noised


def nearest(
    states: np.ndarray, table: np.ndarray, count: int = 1, precision: torch.dtype = torch.float32
) -> np.ndarray:
    """[tokens, count] int64: the rows of a table that are nearest to each state by Euclidean distance, nearest first.

    Products choose a few candidates, float32 distances the closest of these, and float64 distances their order, so
    that a state that is a row of the table finds this row. Of equal rows the first is taken. Equal states are looked up
    once.

    Args:
        states: [tokens, hidden].
        table: [rows, hidden], for example the embeddings of all tokens.
        count: how many rows, at most as many as the table has.
        precision: of the products; bfloat16 is three times as fast on a processor that computes in it.
    """
    places, back = distinct(states)
    centre = table.mean(0)  # products of values around zero round least
    rows = _tensor(table - centre)
    half_squares = rows.square().sum(1, keepdim=True) / -2
    rounded = half_squares.to(precision)  # and what rounding took is a column of its own
    wide = torch.cat([rows.to(precision), rounded, (half_squares - rounded).to(precision)], dim=1)
    found = np.empty((len(places), count), np.int64)
    for block in blocks(len(places), len(rows)):
        part = _tensor(states[places[block]] - centre)
        scores = torch.cat([part, part.new_ones(len(part), 2)], dim=1).to(precision) @ wide.T
        candidates = scores.topk(min(count + _SPARE[precision], len(rows)), sorted=False).indices.sort().values
        candidates = _closest(rows, part, candidates, count + _CLOSEST)
        squares = (rows[candidates].double() - part[:, None].double()).square().sum(2)
        order = squares.sort(stable=True).indices[:, :count]
        found[block] = candidates.gather(1, order).numpy()
    return found[back]


def _closest(rows: torch.Tensor, states: torch.Tensor, candidates: torch.Tensor, count: int) -> torch.Tensor:
    """[tokens, count]: the candidates nearest to each state in float32, in ascending order; the first of equal rows."""
    squares = (rows[candidates] - states[:, None]).square_().sum(2)
    order = squares.sort(stable=True).indices[:, :count]
    return candidates.gather(1, order).sort().values


def distinct(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return places of the different rows of `states`, and [tokens] which of them each row equals."""
    rows = np.ascontiguousarray(states)
    whole = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel()
    _, places, back = np.unique(whole, return_index=True, return_inverse=True)
    return places, back


def guarantee(eta: np.ndarray, offsets: np.ndarray, block: int, private_levels: bool = False) -> Guarantee:
    """Say what is proved about the sent states of some sentences; their lengths are sent in the clear in any case.

    Args:
        eta: [tokens] as for `privatised`.
        offsets: [n + 1] int64, as for `of_text`.
        block: the block that the states enter; 0 for embeddings.
        private_levels: whether eta was derived from private text or labels.
    """
    text = of_text(offsets)
    if not np.isfinite(eta[text]).all():
        return Guarantee("none", "some tokens of the text are sent without noise")
    if block and not np.isfinite(eta).all():
        return Guarantee(
            "none", "after a block the states of the marks depend on the text, and they are sent without noise"
        )
    if len(np.unique(eta[text])) > 1:
        released = "; the levels were counted on private text and labels, which is a release without noise"
        return Guarantee(
            "within one level",
            "the ratio of the densities of two tokens with different eta is not bounded"
            + (released if private_levels else ""),
        )
    if block:
        return Guarantee("per sentence", "eta times the sum of the distances between all states of two sentences")
    return Guarantee("per token", "eta times the distance between the embeddings of two tokens")


def blocks(rows: int, width: int) -> Iterator[slice]:
    """Cut rows of `width` values each into blocks that fit into bounded memory."""
    most = max(1, _VALUES // max(1, width))
    return (slice(start, start + most) for start in range(0, rows, most))


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(values, np.float32))
