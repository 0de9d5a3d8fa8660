"""Steps of clipped and noised gradients, against steps written out."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.training.clipped import clipped_sum
from privatune.training.first_order import FirstOrder, train
from privatune.training.sampling import poisson

N, CLASSES, UNIT = 40, 3, 2.0**-30
VALUES = 6 * 8 + 8 + 8 * CLASSES + CLASSES


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(6, 8), nn.Dropout(0.5), nn.Linear(8, CLASSES)
        rng = stream(1, "weights")
        with torch.no_grad():
            for value in self.parameters():
                value.copy_(torch.from_numpy(rng.standard_normal(value.shape)))

    def forward(self, inputs, mask):
        return self.last(self.drop(self.first(inputs).tanh()))


INPUTS = torch.from_numpy(stream(2, "inputs").standard_normal((N, 6))).float()
LABELS = torch.from_numpy(stream(3, "labels").integers(0, CLASSES, N))


def batches(q, seed=5):
    def batch(step):
        drawn = poisson(N, q, seed, step)
        return [(INPUTS[rows], torch.ones(len(rows), 1), LABELS[rows]) for rows in np.array_split(drawn, 2)]

    return batch


def values(network):
    return torch.cat([value.detach().flatten() for value in network.parameters()])


def noise(steps, deviation=2.0**30, seed=4):
    return (stream(seed, "noise", step).normal(0, deviation, VALUES).astype(np.int64) for step in range(steps))


def trained(choices, q=0.3, added=None, **more):
    network = Net()
    train(network, batches(q), choices, added, **more)
    return values(network)


def test_a_step_is_the_clipped_sum_with_noise_over_the_expected_batch():
    choices = FirstOrder(steps=1, batch=12, rate=0.7, optimizer="sgd", clip=0.5, unit=UNIT)
    sums = clipped_sum(Net().eval(), batches(0.3)(1), 0.5 - math.sqrt(VALUES) * UNIT)
    (added,) = noise(1)
    total = torch.cat([value.flatten() for value in sums.sums.values()]).double() + torch.from_numpy(added) * UNIT
    assert sums.examples not in (0, 12)
    expected = values(Net()) - 0.7 * total / 12
    torch.testing.assert_close(trained(choices, added=noise(1)), expected.float(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("decays", [True, False])
def test_without_clip_and_noise_it_is_plain_training(optimizer, decays):
    network, steps, rate = Net().eval(), 5, 0.05
    plain = {"sgd": torch.optim.SGD, "adamw": lambda p, lr: torch.optim.AdamW(p, lr, weight_decay=0.0)}[optimizer]
    steps_of = plain(network.parameters(), lr=rate)
    for step in range(1, steps + 1):
        steps_of.param_groups[0]["lr"] = rate * (1 - (step - 1) / steps) if decays else rate
        steps_of.zero_grad()
        for inputs, mask, labels in batches(0.3)(step):
            (cross_entropy(network(inputs, mask), labels, reduction="sum") / 12).backward()
        steps_of.step()
    found = trained(FirstOrder(steps, 12, rate, optimizer, decays))
    torch.testing.assert_close(found, values(network), rtol=1e-4, atol=1e-5)


def test_gradient_descent_on_all_examples_is_a_probability_of_one():
    network = Net().eval()
    loss = cross_entropy(network(INPUTS, None), LABELS)
    gradient = torch.cat([value.flatten() for value in torch.autograd.grad(loss, list(network.parameters()))])
    found = trained(FirstOrder(1, N, 0.5, "sgd"), q=1.0)
    torch.testing.assert_close(found, values(network) - 0.5 * gradient, rtol=1e-4, atol=1e-6)


def test_an_empty_batch_is_a_step_of_noise():
    choices = FirstOrder(2, 4, 0.5, "sgd", clip=0.5, unit=UNIT)
    total = sum(torch.from_numpy(row) for row in noise(2)) * UNIT
    expected = (values(Net()) - 0.5 * total / 4).float()
    torch.testing.assert_close(trained(choices, 0.0, noise(2)), expected, rtol=1e-6, atol=1e-6)
    assert (trained(choices, 0.0) == values(Net())).all()


def test_equal_choices_give_equal_bits_and_another_draw_does_not():
    choices = FirstOrder(4, 12, 0.05, clip=0.5, unit=UNIT)
    assert (trained(choices, added=noise(4)) == trained(choices, added=noise(4))).all()
    assert (trained(choices, added=noise(4)) != trained(choices, added=noise(4, seed=5))).any()


def test_noised_sums_are_whole_multiples_of_the_unit():
    unit = 2.0**-8
    moved = values(Net()).double() - trained(FirstOrder(1, 1, 1.0, "sgd", clip=0.5, unit=unit), added=noise(1, 64.0))
    apart = (moved / unit - (moved / unit).round()).abs()
    assert apart.max() < 1e-3 and moved.abs().max() > unit


def test_dropout_is_off_and_gradients_are_gone():
    network = Net().train()
    train(network, batches(0.3), FirstOrder(3, 12, 0.05))
    assert (values(network) == trained(FirstOrder(3, 12, 0.05))).all()
    assert not network.training and all(value.grad is None for value in network.parameters())


def test_frozen_parameters_stay():
    network = Net()
    network.first.requires_grad_(False)
    train(network, batches(0.3), FirstOrder(3, 12, 0.05))
    assert (network.first.weight == Net().first.weight).all() and (network.last.weight != Net().last.weight).any()


@pytest.mark.parametrize(
    "added", [noise(2), noise(4), (row[1:] for row in noise(3)), (row * 1.0 for row in noise(3)), iter(())]
)
def test_noise_of_another_size_or_number_is_refused(added):
    with pytest.raises(PrivatuneError, match="3 steps need as many rows of noise, each with 83 whole numbers"):
        trained(FirstOrder(3, 12, 0.05, clip=0.5, unit=UNIT), added=added)


@pytest.mark.parametrize(("clip", "unit"), [(math.inf, UNIT), (0.5, 0.0), (0.5, 0.1)])
def test_noise_that_hides_nothing_is_refused(clip, unit):
    with pytest.raises(PrivatuneError, match="noise needs a clip"):
        trained(FirstOrder(3, 12, 0.05, clip=clip, unit=unit), added=noise(3))


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": 0}, {"rate": math.nan}, {"clip": 0}])
def test_choices_out_of_range_are_refused(wrong):
    with pytest.raises(PrivatuneError, match="must be above 0"):
        FirstOrder(**{"steps": 1, "batch": 1, "rate": 1, **wrong})
