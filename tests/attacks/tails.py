"""What the test of the tail rejects, and what a tail that passes can hide: the tables of docs/measured-privacy.md.

`python tests/attacks/tails.py` prints them, with `PYTHONPATH=workflow_scripts`, from 2,000 samples for each cell.
"""

import sys
from functools import partial
from typing import NamedTuple

import numpy as np
from scipy import stats

from privatune.attacks.generalised_pareto import GeneralisedPareto, fit_shape
from privatune.attacks.tail import critical_value, heavier_epsilon, lilliefors
from privatune.core.streams import stream

DELTA = 1e-6  # the least of the default


def both_sides(shape, share):
    """Upper quantile of a symmetric distribution whose every tail is generalised Pareto; of shape 0, Laplace's."""
    return np.expm1(-shape * np.log(2 * share)) / shape if shape else -np.log(2 * share)


# the value that log c exceeds with a given probability; no scale matters
LAWS = {
    "exponential tails": partial(both_sides, 0.0),
    "normal": stats.norm.isf,
    "Student t, 10 degrees of freedom": stats.t(10).isf,
    "Student t, 6": stats.t(6).isf,
    "Student t, 4": stats.t(4).isf,
    "generalised Pareto, shape 0.05": partial(both_sides, 0.05),
    "generalised Pareto, shape 0.1": partial(both_sides, 0.1),
    "generalised Pareto, shape 0.2": partial(both_sides, 0.2),
}
TAILS = [name for name in LAWS if name != "exponential tails"]
BEYOND, QUANTILES = (300, 1000, 3000), (0.8, 0.9, 0.98, 0.99)
SIZES = {"default": (1100, 0.9), "full.yaml": (2000, 0.96), "paper.yaml": (3250, 0.987)}


class Excesses(NamedTuple):
    threshold: float
    excess: np.ndarray


def samples(law, beyond, quantile, count):
    """The values of a sample beyond its own quantile, of a sample so large that there are `beyond`."""
    rng = stream(0, "tails", law, beyond, str(quantile))
    rest = round(beyond / (1 - quantile)) - beyond
    for _ in range(count):
        # ordered uniform values are sums of exponential ones, by the sum of all (Renyi 1953)
        sums = np.cumsum(rng.standard_exponential(beyond + 1))
        values = LAWS[law](sums / (sums[-1] + rng.gamma(rest)))
        yield Excesses(float(values[-1]), values[:-1] - values[-1])


def rejected(law, beyond, quantile, count=2000):
    """Share of samples in which a Pareto tail of c is rejected."""
    critical = critical_value(beyond, 10_000, 0)
    return np.mean([lilliefors(excess) > critical for _, excess in samples(law, beyond, quantile, count)])


def hidden(law, beyond, quantile, count=2000):
    """Of the samples that pass: epsilon at DELTA by the truth, of the Pareto tail and at the shape's upper limit.

    [passed, 2].
    """
    critical, share = critical_value(beyond, 10_000, 0), 1 - quantile
    true = float(LAWS[law](DELTA))
    return np.array(
        [
            [
                heavier_epsilon(tail, threshold, share, DELTA) / true
                for tail in (GeneralisedPareto(0.0, excess.mean()), fit_shape(excess).high)
            ]
            for threshold, excess in samples(law, beyond, quantile, count)
            if lilliefors(excess) <= critical
        ]
    ).reshape(-1, 2)


def hidden_cells(law, size):
    """Rejected; of what passes: medians of both ratios, the second's 5 % point, and how often it is 1 or more."""
    count = 2000
    ratios = hidden(law, *SIZES[size], count)
    cells = [f"{1 - len(ratios) / count:.0%}"]
    if len(ratios) < count / 100:
        return [*cells, *"––––"]
    pareto, high = np.median(ratios, axis=0)
    low = np.quantile(ratios[:, 1], 0.05)
    return [*cells, f"{pareto:.2f}", f"{high:.2f}", f"{low:.2f}", f"{(ratios[:, 1] >= 1).mean():.0%}"]


def main():
    for law in TAILS:
        for beyond in BEYOND:
            row = [f"{rejected(law, beyond, quantile):.0%}" for quantile in QUANTILES]
            print("|", " | ".join([law, f"{beyond:,}", *row]).replace("%", " %"), "|", flush=True)
    for size in SIZES:
        for law in LAWS:
            print("|", " | ".join([size, law, *hidden_cells(law, size)]).replace("%", " %"), "|", flush=True)


if __name__ == "__main__":
    sys.exit(main())
