"""Training by forward passes alone: MeZO, DPZero, DP-AggZO and DPGD-0th are one function of directions, clip and noise.

A step draws K random directions u_k. The slope of example i along u_k is
s_ik = (f_i(x + lambda u_k) - f_i(x - lambda u_k)) / (2 lambda). With v_i = (s_i1 .. s_iK) / K the step is

    x <- x - (rate / B) sum_k (sum_i clip_C(v_i) + noise)_k u_k

where B is the public expected size of a batch. MeZO (Malladi et al. 2023) is K = 1 without clip and noise, DPZero
(Zhang et al. 2024, algorithm 2) is K = 1, and DP-AggZO (Bao et al. 2025) is any K. DPGD-0th (Zhang et al. 2024,
algorithm 1) clips the vectors s_i u instead, and its noise has as many values as the weights.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from privatune.core.errors import PrivatuneError
from privatune.core.streams import random_words
from privatune.training.examples import Minibatch
from privatune.training.grids import Weight, generator, normal, on_grid, perturb, pieces, settle, subtract

# gives the minibatches of a step, counted from 1; their examples are the step's batch
Batches = Callable[[int], Iterable[Minibatch]]
# gives logits [copies, batch, classes] of tensors [copies, *shape] by name, and inputs
Logits = Callable[[Mapping[str, torch.Tensor], torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class ZerothOrder:
    """The public choices of a training by forward passes.

    Attributes:
        steps: T, exactly how many steps are taken and noised.
        batch: B, the expected number of examples of a step. It divides the sum, whoever takes part.
        rate: the learning rate.
        directions: K, how many directions a step has.
        scale: lambda, how far a perturbation goes along a direction.
        clip: C, the largest L2 norm of what one example adds to a sum; infinite for none.
        unit: what the sums are whole multiples of; needed with a clip.
        vector: whether the clip and the noise are on the vectors s_i u (DPGD-0th) and not on the slopes.

    Raises:
        PrivatuneError: the choices contradict each other.
    """

    steps: int
    batch: float
    rate: float
    directions: int = 1
    scale: float = 1e-3
    clip: float = math.inf
    unit: float = 0.0
    vector: bool = False

    def __post_init__(self) -> None:
        if self.steps < 1 or self.directions < 1 or not self.batch > 0 or not self.scale > 0 or not self.clip > 0:
            raise PrivatuneError(
                "zeroth order: steps, directions, batch, scale and clip must be above 0; change the one that is not"
            )
        if math.isfinite(self.clip) and not 0 < self.unit < self.clip:
            raise PrivatuneError("zeroth order: a clip needs a unit of its sums; take the spacing of the mechanism")
        if self.vector and (self.directions > 1 or not math.isfinite(self.clip)):
            raise PrivatuneError(
                "zeroth order: DPGD-0th has one direction and a finite clip; change directions or clip"
            )


def train(
    network: torch.nn.Module,
    batches: Batches,
    choices: ZerothOrder,
    seed: int,
    noise: Iterable[np.ndarray] | None = None,
    at_once: Logits | None = None,
) -> None:
    """Train in place, in exactly T steps; nothing that is private is returned or logged.

    The network is put into evaluation mode and stays in it. Both passes of a pair read the same batch. A slope that is
    not finite counts as zero, because an error would reveal that its example took part; how often that happens is
    private and nobody is told. An empty batch gives a step of noise alone.

    Args:
        network: takes (inputs, mask) to logits [batch, classes]. It trains the tensors with `requires_grad`, in
            float32. Without `at_once`, no copy of any of them is made.
        batches: gives the minibatches of a step, counted from 1.
        choices: the public choices.
        seed: the public seed of the directions.
        noise: for each step the noise on its sum, as whole multiples of `choices.unit`: [K] int64, or for DPGD-0th
            [values] int64. None means no noise.
        at_once: the logits of many copies of the trained tensors. With it all directions of a step are evaluated at
            once, which is faster for a few thousand trained values. Directions are the same, and slopes are the same up
            to rounding. DPGD-0th goes in place in any case.

    Raises:
        PrivatuneError: the noise has another size or number of steps, or the weights do not suit (`grids.on_grid`).
    """
    network.eval()
    weights = on_grid(network, choices.scale)
    size = sum(weight.values.numel() for weight in weights)
    expected = size if choices.vector else choices.directions
    shapes = {name: value.shape for name, value in network.named_parameters() if value.requires_grad}
    with torch.inference_mode():
        for step, added in enumerate(_noise(noise, choices, expected), 1):
            batch, seeds = list(batches(step)), direction_seeds(choices.directions, seed, step)
            if at_once is not None and not choices.vector:
                directions = _directions(weights, seeds)
                slopes = _slopes_at_once(at_once, weights, shapes, directions, batch, choices.scale)
                _descend_at_once(weights, directions, coefficients(slopes, choices, added))
            else:
                slopes = _slopes(network, weights, seeds, batch, choices.scale)
                if choices.vector:
                    _descend_by_vector(weights, seeds[0], slopes[:, 0], choices, added)
                else:
                    _descend(weights, seeds, coefficients(slopes, choices, added))
            for weight in weights:
                settle(weight, choices.scale)


def direction_seeds(directions: int, seed: int, step: int) -> list[int]:
    """Return the public 64-bit seeds of a step's directions, of which the generator of a CPU uses the lower half."""
    return [int(word) for word in random_words(directions, seed, "directions", step)]


def linear_logits(copies: Mapping[str, torch.Tensor], inputs: torch.Tensor) -> torch.Tensor:
    """Return the logits [copies, batch, classes] of linear heads: a weight [copies, classes, features], then a bias."""
    weight, bias = copies.values()
    flat = weight.flatten(0, 1) @ inputs.T
    return flat.view(*weight.shape[:2], len(inputs)).add_(bias[:, :, None]).transpose(1, 2)


def bytes_per_step(noised: int) -> int:
    """Return what a step sends in a federated round: one seed of 8 bytes, and a float32 per number that is noised.

    >>> bytes_per_step(1)
    12
    """
    return 8 + 4 * noised


def coefficients(slopes: np.ndarray, choices: ZerothOrder, noise: np.ndarray) -> np.ndarray:
    """Return the factor of each direction in a step, [K] float32: clip, sum, add noise, times rate / B.

    Args:
        slopes: [examples, K] float64, of which some may not be finite.
        choices: the public choices.
        noise: [K] whole numbers, in units of the sum.
    """
    each = np.where(np.isfinite(slopes), slopes, 0.0) / choices.directions
    total = (whole_sum(each, choices) + noise) * choices.unit if math.isfinite(choices.clip) else each.sum(axis=0)
    with np.errstate(over="ignore"):  # `settle` refuses weights that are not finite
        return (total * (choices.rate / choices.batch)).astype(np.float32)


def whole_sum(each: np.ndarray, choices: ZerothOrder) -> np.ndarray:
    """Return the sum of the clipped rows of [examples, K], in whole units, [K] int64.

    Each clipped value is rounded towards zero. One example therefore moves the sum by at most C, and the sum is exact
    in any order. The norm is slightly lowered first, by more than float64 rounds (privacy/clipping.py, `clip_update`).
    """
    norms = np.sqrt(np.square(each).sum(axis=1, keepdims=True))
    most = choices.clip * (1 - (each.shape[1] + 16) * 2.0**-52)
    clipped = each * np.minimum(1.0, most / np.maximum(norms, 2.0**-500))
    return (clipped / choices.unit).astype(np.int64).sum(axis=0)


def _noise(noise: Iterable[np.ndarray] | None, choices: ZerothOrder, expected: int) -> Iterator[np.ndarray]:
    """Yield the noise of exactly T steps."""
    if noise is None:
        noise = (np.zeros(expected, np.int64) for _ in range(choices.steps))
    elif not math.isfinite(choices.clip):
        raise PrivatuneError("zeroth order: noise protects nothing that is not clipped; set a clip")
    rows = iter(noise)
    for _ in range(choices.steps):
        row = next(rows, None)
        if row is None or row.shape != (expected,) or row.dtype != np.int64:
            break
        yield row
    else:
        if next(rows, None) is None:
            return
    raise PrivatuneError(
        f"zeroth order: {choices.steps} steps need as many rows of noise, each with {expected} whole numbers; draw "
        "the noise for these choices"
    )


def _losses(network: torch.nn.Module, batch: Sequence[Minibatch]) -> np.ndarray:
    """Return the loss of each example of a batch, [examples] float64."""
    parts = []
    for inputs, mask, labels in batch:
        scores = network(inputs, mask)
        if scores.dtype != torch.float32:
            raise PrivatuneError(f"the slope of a loss is lost in the rounding of {scores.dtype}; compute in float32")
        parts.append(cross_entropy(scores, labels, reduction="none"))
    return torch.cat(parts).double().cpu().numpy() if parts else np.zeros(0)


def _slopes(
    network: torch.nn.Module, weights: Sequence[Weight], seeds: Sequence[int], batch: Sequence[Minibatch], scale: float
) -> np.ndarray:
    """Return the slopes [examples, K] along directions that are made again in each pass and never stored."""
    slopes = []
    for seed in seeds:
        perturb(weights, seed, scale, 1)
        ahead = _losses(network, batch)
        perturb(weights, seed, scale, -2)
        slopes.append((ahead - _losses(network, batch)) / (2 * scale))
        perturb(weights, seed, scale, 1)
    return np.stack(slopes, axis=1)


def _descend(weights: Sequence[Weight], seeds: Sequence[int], factors: np.ndarray) -> None:
    """Subtract sum_k factor_k u_k; each value is rounded to the grid once."""
    drawn = [generator(weights, seed) for seed in seeds]
    for weight, part in pieces(weights):
        change = weight.values.new_zeros(part.stop - part.start)
        for one, factor in zip(drawn, factors, strict=True):
            change.add_(normal(weight, part, one), alpha=float(factor))
        subtract(weight, part, change)


def _descend_by_vector(
    weights: Sequence[Weight], seed: int, slopes: np.ndarray, choices: ZerothOrder, noise: np.ndarray
) -> None:
    """Subtract rate / B times the sum of the clipped vectors s_i u, rounded to whole units, with noise on each value.

    To clip s_i u to C is to clip s_i to C / |u|. Let the sum t u have n values. Rounding to whole units moves two sums
    apart by at most sqrt(n) units, and errors of float64, in t and in t u, by at most 2^12, since |t u| is below 2^62
    units. Both are taken off the clip, so that one example moves the whole numbers by at most C.
    """
    drawn, squares, size = generator(weights, seed), 0.0, 0
    for weight, part in pieces(weights):
        squares += float(normal(weight, part, drawn).double().square_().sum())
        size += part.stop - part.start
    room = choices.clip * (1 - (size + 16) * 2.0**-52) - (2.0**12 + math.sqrt(size)) * choices.unit
    most = max(0.0, room) / max(math.sqrt(squares), 2.0**-500)
    total = math.fsum(np.clip(np.where(np.isfinite(slopes), slopes, 0.0), -most, most)) / choices.unit
    drawn, start = generator(weights, seed), 0
    for weight, part in pieces(weights):
        whole = normal(weight, part, drawn).double().mul_(total).round_()
        added = torch.from_numpy(noise[start : start + len(whole)]).to(whole.device)
        change = (whole.long() + added).double() * (choices.unit * choices.rate / choices.batch)
        subtract(weight, part, change.float())
        start += len(whole)


def _directions(weights: Sequence[Weight], seeds: Sequence[int]) -> torch.Tensor:
    """Return all directions of a step, [K, values], the same bits as those that are made again in place."""
    directions = weights[0].values.new_empty(len(seeds), sum(weight.values.numel() for weight in weights))
    for row, seed in zip(directions, seeds, strict=True):
        drawn, start = generator(weights, seed), 0
        for _, part in pieces(weights):
            size = part.stop - part.start
            row[start : start + size].normal_(generator=drawn)
            start += size
    return directions


def _slopes_at_once(
    logits: Logits,
    weights: Sequence[Weight],
    shapes: Mapping[str, torch.Size],
    directions: torch.Tensor,
    batch: Sequence[Minibatch],
    scale: float,
) -> np.ndarray:
    """Return the slopes [examples, K] of all directions; the copies have the same bits as the weights in place."""
    copies, start = {}, 0
    for weight in weights:
        whole = directions[:, start : start + weight.values.numel()].mul(scale / weight.unit).round_()
        both = torch.cat([whole, whole.neg()]).mul_(weight.unit).add_(weight.values)
        copies[weight.name] = both.view(len(both), *shapes[weight.name])
        start += weight.values.numel()
    parts = []
    for inputs, _, labels in batch:
        scores = logits(copies, inputs).transpose(1, 2)  # [copies, classes, batch]
        losses = cross_entropy(scores, labels.expand(len(scores), -1), reduction="none").double()
        ahead, behind = losses.cpu().numpy().reshape(2, len(directions), len(labels))
        parts.append((ahead - behind).T / (2 * scale))
    return np.concatenate(parts) if parts else np.zeros((0, len(directions)))


def _descend_at_once(weights: Sequence[Weight], directions: torch.Tensor, factors: np.ndarray) -> None:
    """Subtract sum_k factor_k u_k from the weights."""
    change, start = torch.from_numpy(factors).to(directions.device) @ directions, 0
    for weight in weights:
        size = weight.values.numel()
        subtract(weight, slice(0, size), change[start : start + size])
        start += size
