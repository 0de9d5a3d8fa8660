"""Server optimisers beside those of torch, which see the negative mean update as a gradient."""

import numpy as np
import pytest
import torch

from privatune.core.streams import stream
from privatune.core.tensors import pack, unpack
from privatune.federation.optimisers import step
from privatune.federation.settings import AdamSettings, NesterovSettings, SgdSettings

LIKE = {"bias": (3,), "weight": (2, 3)}
CASES = {
    "sgd": (SgdSettings(learning_rate=0.3), lambda w: torch.optim.SGD(w, lr=0.3)),
    "nesterov": (
        NesterovSettings(name="nesterov", learning_rate=1.0, momentum=0.99),
        lambda w: torch.optim.SGD(w, lr=1.0, momentum=0.99, nesterov=True),
    ),
    "nesterov 0": (
        NesterovSettings(name="nesterov", learning_rate=0.5, momentum=0.0),
        lambda w: torch.optim.SGD(w, lr=0.5),
    ),
    "adam": (
        AdamSettings(name="adam", learning_rate=0.02, beta1=0.8, beta2=0.95, epsilon=1e-3),
        lambda w: torch.optim.Adam(w, lr=0.02, betas=(0.8, 0.95), eps=1e-3),
    ),
}


def means(rounds):
    rng = stream(0, "means")
    return [{name: rng.standard_normal(shape) for name, shape in LIKE.items()} for _ in range(rounds)]


@pytest.mark.parametrize("case", CASES)
def test_as_torch(case):
    settings, make = CASES[case]
    weights = {name: torch.zeros(shape, dtype=torch.float64, requires_grad=True) for name, shape in LIKE.items()}
    peer = make(list(weights.values()))
    ours, state = {name: np.zeros(shape) for name, shape in LIKE.items()}, {}
    for mean in means(12):
        change, state = step(mean, state, settings)
        # as a job stores it between rounds
        state, _ = unpack(pack(state))
        ours = {name: weight + change[name] for name, weight in ours.items()}
        for name, weight in weights.items():
            weight.grad = -torch.from_numpy(mean[name])
        peer.step()
        for name, weight in weights.items():
            np.testing.assert_allclose(ours[name], weight.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("case", CASES)
def test_arguments_are_left_alone(case):
    settings, _ = CASES[case]
    first, second = means(2)
    _, state = step(first, {}, settings)
    before = pack(state), pack(second)
    step(second, state, settings)
    assert (pack(state), pack(second)) == before


def test_sgd_with_rate_one_is_averaging():
    (mean,) = means(1)
    change, state = step(mean, {}, SgdSettings())
    assert state == {}
    for name, value in mean.items():
        np.testing.assert_array_equal(change[name], value)
