"""The synthetic experiment of Zhang et al. (2024): how the error of training by forward passes grows with dimension.

The loss of example i is (a_i . (x - m))^2 / 2, where a_i is normal, and the eigenvalues of the Hessian are j^-p for
j <= rank and zero for all others. As the paper's theorem supposes, its effective rank r, the trace over the largest
eigenvalue L = 1, does not grow with the dimension d, nor does the distance |m| = 1 from the start x = 0 to the minimum.
The rate is 1 / (L (r + 2)), at which the expected loss falls fastest in the worst case, since the mean of u u'H u u'
over Gaussian directions u is 2 H + trace(H). The error is the loss after the last step over the loss at the start.

Only the part of a vector in the space of the eigenvalues above zero changes the residuals a_i . (x - m). The rest of a
direction u is seen in its length alone, which is drawn as what it is: the root of a chi-square. Directions and noise do
not depend on x, so every clip of the grid uses the same ones. For a quadratic the difference of two losses over
2 lambda is the derivative along u, a_i . (x - m) a_i . u, whatever lambda is, so lambda does not occur.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import torch

from privatune.core.streams import stream
from privatune.models.checkpoint import use
from privatune.models.settings import NumericsSettings
from privatune.privacy.accounting import noise_for, tightest
from privatune.privacy.mechanism import Mechanism
from privatune.systems.dpzero.dimension_settings import DimensionSettings

METHODS = ("DPGD-0th", "DPZero")
PART = 1 << 9  # examples at a time, so that their slopes for all clips and replicates fit into the cache


class Problem(NamedTuple):
    """A problem of least squares: A transposed [rank, n], the start x - m [rank], the dimension d, and the rate."""

    inputs: torch.Tensor
    start: torch.Tensor
    dimension: int
    rate: float


class Step(NamedTuple):
    """What a step draws: u and g [replicates, rank], |u| [replicates, 1], and scalar noise [replicates, 1]."""

    direction: torch.Tensor
    noise: torch.Tensor
    norm: torch.Tensor
    scalar: torch.Tensor


def problem(settings: DimensionSettings, dimension: int, device: torch.device) -> Problem:
    """Draw the problem of a dimension; the minimum of its loss is zero."""
    rank = min(settings.rank, dimension)
    roots = np.arange(1, rank + 1) ** (-settings.decay / 2)
    drawn = stream(settings.seed, "least squares", dimension).standard_normal((settings.examples, rank))
    inputs = torch.from_numpy(np.ascontiguousarray((drawn * roots).astype(np.float32).T)).to(device)
    start = torch.full((rank,), -(rank**-0.5), device=device)
    return Problem(inputs, start, dimension, 1 / (float(np.square(roots).sum()) + 2))


def errors_by_dimension(settings: DimensionSettings, numerics: NumericsSettings) -> list[dict[str, Any]]:
    """Run the experiment, and return a record for each method, dimension and judged replicate.

    A record has method, dimension, replicate, error, error_without_noise (with the same clip and directions), clip,
    epsilon, delta, adjacency, noise_multiplier, steps, rate and examples.

    Raises:
        PrivatuneError: the target epsilon needs next to no noise, or the machine lacks the accelerator.
    """
    device = use(numerics)
    n, records = settings.examples, []
    mechanism = Mechanism("poisson", n, n, settings.steps, 0.0, 1.0, settings.delta, unit="example", noised="scalar")
    z = noise_for(mechanism, settings.epsilon, tightest(mechanism.sampling))
    shared = {"epsilon": settings.epsilon, "delta": settings.delta, "adjacency": mechanism.compared}
    shared |= {"noise_multiplier": z, "steps": settings.steps, "examples": n}
    grid = np.tile(np.array(settings.clips), (len(METHODS), 1))
    for dimension in settings.dimensions:
        posed = problem(settings, dimension, device)
        noise = np.full(len(settings.clips), z)
        tuned = train(posed, grid, noise, settings.steps, settings.tuning_replicates, (settings.seed, "tuning"))
        best = grid[[0, 1], tuned.mean(axis=2).argmin(axis=1)]
        both, noise = np.stack([best, best], axis=1), np.array([z, 0.0])
        judged = train(posed, both, noise, settings.steps, settings.replicates, (settings.seed, "judged"))
        for method, clip, (errors, without) in zip(METHODS, best.tolist(), judged.tolist(), strict=True):
            for replicate, pair in enumerate(zip(errors, without, strict=True)):
                record = {"method": method, "dimension": dimension, "replicate": replicate, "clip": clip}
                record |= dict(zip(("error", "error_without_noise"), pair, strict=True))
                records.append(record | shared | {"rate": posed.rate})
    return records


def train(
    posed: Problem, clips: np.ndarray, z: np.ndarray, steps: int, replicates: int, key: tuple[int, str]
) -> np.ndarray:
    """Return the error after all steps, [methods, clips, replicates] float64.

    Args:
        posed: the problem.
        clips: [methods, clips], for the methods in the order of `METHODS`.
        z: [clips], the noise multiplier that goes with each clip.
        steps: number of steps, each on all examples.
        replicates: how many replicates draw directions and noise.
        key: the seed and the purpose of these draws.
    """
    n = posed.inputs.shape[1]
    bounds, multipliers = (torch.from_numpy(part.astype(np.float32)).to(posed.inputs) for part in (clips, z))
    bounds = bounds[:, :, None, None].repeat(1, 1, replicates, 1)
    added = bounds * multipliers[:, None, None]
    factor = posed.rate / n
    away = posed.start.repeat(*bounds.shape[:3], 1)  # x - m, [methods, clips, replicates, rank]
    for step in _drawn(posed, steps, replicates, key):
        most = bounds.clone()
        most[0] /= step.norm
        total = _clipped_sum(posed.inputs, away, step.direction, most)
        total[1] += added[1] * step.scalar
        away -= (factor * total) * step.direction
        away[0] -= (factor * added[0]) * step.noise
    hessian = (posed.inputs.double() @ posed.inputs.double().T) / n
    losses = [((x @ hessian) * x).sum(dim=-1) for x in (away.double(), posed.start.double())]
    return (losses[0] / losses[1]).cpu().numpy()


def _clipped_sum(inputs: torch.Tensor, away: torch.Tensor, direction: torch.Tensor, most: torch.Tensor) -> torch.Tensor:
    """Return the sums over all examples of their clipped slopes, [methods, clips, replicates, 1]."""
    total = torch.zeros_like(most)
    flat = away.view(-1, away.shape[-1])
    for part in inputs.split(PART, dim=1):
        slopes = (flat @ part).view(*away.shape[:3], -1).mul_(direction @ part)
        total += slopes.clamp_(-most, most).sum(dim=-1, keepdim=True)
    return total


def _drawn(posed: Problem, steps: int, replicates: int, key: tuple[int, str]) -> Iterator[Step]:
    """Yield what each step draws, for all replicates."""
    rank, rest = len(posed.start), posed.dimension - len(posed.start)
    for number in range(steps):
        rng = stream(*key, posed.dimension, number)
        vectors = rng.standard_normal((2, replicates, rank))
        scalar = rng.standard_normal((replicates, 1))
        squares = np.square(vectors[0]).sum(axis=1, keepdims=True)
        if rest:
            squares += rng.chisquare(rest, (replicates, 1))
        drawn = (vectors[0], vectors[1], np.sqrt(squares), scalar)
        yield Step(*(torch.from_numpy(part.astype(np.float32)).to(posed.inputs) for part in drawn))
