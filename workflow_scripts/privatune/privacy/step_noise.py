"""Draw the noise of all steps of a training, which takes it as an argument."""

from collections.abc import Iterable

import numpy as np

from privatune.privacy.mechanism import Mechanism, whole_deviation
from privatune.privacy.noise import discrete_gaussian


def step_noise(mechanism: Mechanism, size: int, secret: int) -> Iterable[np.ndarray]:
    """Return the noise on the sum of each of the mechanism's T steps, [size] int64 each.

    The values are whole multiples of `mechanism.spacing(mechanism.clip)`, and their deviation is z C, the one that the
    accountant knows. Noise of scalars is drawn at once; vectors are drawn when their step needs them.

    Args:
        mechanism: a mechanism without adaptive clipping; its rounds are the steps.
        size: how many values a sum has: for a noised scalar one per direction, for a vector one per trained weight.
        secret: the seed of the noise. Where privacy is claimed it comes from the operating system
            (privacy/seeds.py). A seed that anyone can derive, such as one from the run's public seed, makes a run
            repeatable and protects nobody.
    """
    deviation = whole_deviation(mechanism.noise_of_sum, mechanism.clip, mechanism.spacing(mechanism.clip))
    if mechanism.noised == "scalar":
        drawn = discrete_gaussian(mechanism.rounds * size, deviation, secret, "noise of steps")
        return drawn.reshape(mechanism.rounds, size)
    steps = range(1, mechanism.rounds + 1)
    return (discrete_gaussian(size, deviation, secret, "noise of steps", step) for step in steps)
