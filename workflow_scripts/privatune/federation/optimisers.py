"""Server optimisers: what is added to the model for a round's mean update (Reddi et al. 2021, algorithm 2).

These are pure functions of public values, so nothing that they do to a noisy mean costs privacy. The mean update
plays the part of a negative gradient, and the model moves along it. The state is a mapping of arrays, which is empty
before the first round.
"""

import numpy as np

from privatune.core.tensors import Arrays
from privatune.federation.settings import AdamSettings, NesterovSettings, OptimiserSettings, SgdSettings


def step(mean: Arrays, state: Arrays, settings: OptimiserSettings) -> tuple[Arrays, Arrays]:
    """Return what a round adds to the model, and the next state of the optimiser.

    Args:
        mean: the round's mean update in float64, by name, which is not changed.
        state: the state that the last round returned; {} before the first round.
        settings: settings of the optimiser.
    """
    if isinstance(settings, SgdSettings):
        return sgd(mean, state, settings)
    return nesterov(mean, state, settings) if isinstance(settings, NesterovSettings) else adam(mean, state, settings)


def sgd(mean: Arrays, state: Arrays, settings: SgdSettings) -> tuple[Arrays, Arrays]:
    """Return learning_rate * mean; with a learning rate of 1 this is federated averaging."""
    return {name: settings.learning_rate * change for name, change in mean.items()}, state


def nesterov(mean: Arrays, state: Arrays, settings: NesterovSettings) -> tuple[Arrays, Arrays]:
    """Set v to momentum * v + mean and step by rate * (mean + momentum * v), as Sutskever et al. (2013) write it."""
    velocity = {
        name: settings.momentum * state.get(f"velocity/{name}", np.zeros(())) + change for name, change in mean.items()
    }
    steps = {
        name: settings.learning_rate * (change + settings.momentum * velocity[name]) for name, change in mean.items()
    }
    return steps, {f"velocity/{name}": value for name, value in velocity.items()}


def adam(mean: Arrays, state: Arrays, settings: AdamSettings) -> tuple[Arrays, Arrays]:
    """Adam with bias-corrected moments (Kingma and Ba 2015, algorithm 1)."""
    steps: Arrays = {}
    first: Arrays = {}
    second: Arrays = {}
    zero = np.zeros(())
    count = int(state.get("rounds", np.zeros(1))[0]) + 1
    for name, change in mean.items():
        first[name] = settings.beta1 * state.get(f"first/{name}", zero) + (1 - settings.beta1) * change
        second[name] = settings.beta2 * state.get(f"second/{name}", zero) + (1 - settings.beta2) * change**2
        scale = np.sqrt(second[name] / (1 - settings.beta2**count)) + settings.epsilon
        steps[name] = settings.learning_rate * (first[name] / (1 - settings.beta1**count)) / scale
    kept = {f"first/{name}": value for name, value in first.items()}
    kept |= {f"second/{name}": value for name, value in second.items()}
    return steps, kept | {"rounds": np.array([count])}
