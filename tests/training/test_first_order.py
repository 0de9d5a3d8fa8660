"""Steps of clipped and noised gradients, against steps written out."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.models.masked import apply_masks
from privatune.training import first_order
from privatune.training.clipped import clipped_sum
from privatune.training.first_order import FirstOrder, train
from privatune.training.sampling import poisson

N, CLASSES = 40, 3
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


def noise(seed=4):
    return lambda step: stream(seed, "noise", step)


def added(step, deviation, seed=4):
    """The noise of a step, tensor by tensor."""
    drawn = stream(seed, "noise", step)
    parts = [drawn.standard_normal(tuple(value.shape), np.float32).ravel() for value in Net().parameters()]
    return deviation * torch.from_numpy(np.concatenate(parts))


def trained(choices, q=0.3, seed=4, **more):
    network = Net()
    train(network, batches(q), choices, noise(seed) if choices.deviation else None, **more)
    return values(network)


def test_a_step_is_the_clipped_sum_with_noise_over_the_expected_batch():
    choices = FirstOrder(steps=1, batch=12, rate=0.7, optimizer="sgd", clip=0.5, deviation=0.9)
    sums = clipped_sum(Net().eval(), batches(0.3)(1), 0.5)
    total = torch.cat([value.flatten() for value in sums.sums.values()]) + added(1, 0.9)
    assert sums.examples not in (0, 12)
    torch.testing.assert_close(trained(choices), values(Net()) - 0.7 * total / 12, rtol=1e-6, atol=1e-7)


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
    choices = FirstOrder(2, 4, 0.5, "sgd", clip=0.5, deviation=0.9)
    expected = values(Net()) - 0.5 * (added(1, 0.9) + added(2, 0.9)) / 4
    torch.testing.assert_close(trained(choices, 0.0), expected, rtol=1e-6, atol=1e-6)
    assert (trained(FirstOrder(2, 4, 0.5, "sgd"), 0.0) == values(Net())).all()


def test_equal_choices_give_equal_bits_and_another_draw_does_not():
    choices = FirstOrder(4, 12, 0.05, clip=0.5, deviation=0.9)
    assert (trained(choices) == trained(choices)).all()
    assert (trained(choices) != trained(choices, seed=5)).any()


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


@pytest.mark.parametrize("optimizer", ["sgd", "adamw"])
@pytest.mark.parametrize("clip", [0.5, math.inf])
def test_pruned_weights_get_no_gradient_noise_norm_or_moment(optimizer, clip, monkeypatch):
    network, seen = Net(), []
    mask = torch.from_numpy(stream(6, "mask").random((8, 6)) < 0.5)
    apply_masks(network, {"first.weight": mask})
    made = first_order._optimizer
    monkeypatch.setattr(first_order, "_optimizer", lambda *given: seen.append(made(*given)) or seen[-1])

    def sums(*given):
        found = clipped_sum(*given)
        seen.append(found.sums["first.weight"].clone())
        return found

    monkeypatch.setattr(first_order, "clipped_sum", sums)
    deviation = 0.9 if clip < math.inf else 0.0
    choices = FirstOrder(5, 12, 0.05, optimizer, clip=clip, deviation=deviation)
    train(network, batches(0.3), choices, noise() if deviation else None)
    state = seen[0].state[network.first.weight]
    moments = [value for value in state.values() if torch.is_tensor(value) and value.shape == mask.shape]
    assert len(moments) == (2 if optimizer == "adamw" else 0)
    for value in (network.first.weight.detach(), *seen[1:], *moments):
        assert value[~mask].count_nonzero() == 0 and (value[mask] != 0).all()
    assert len(seen) == 6 and (network.first.weight != Net().first.weight)[mask].all()


def test_survivors_are_trained_as_if_the_pruned_weights_were_not_there():
    class Half(nn.Module):
        """The same network without the second half of the inputs."""

        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(3, 8), nn.Linear(8, CLASSES)
            self.first.weight.data = Net().first.weight.data[:, :3].clone()
            self.first.bias, self.last = Net().first.bias, Net().last

        def forward(self, inputs, mask):
            return self.last(self.first(inputs[:, :3]).tanh())

    masked, small = Net(), Half()
    apply_masks(masked, {"first.weight": (torch.arange(6) < 3).expand(8, 6)})
    for network in (masked, small):
        train(network, batches(0.3), FirstOrder(3, 12, 0.05, clip=0.5))
    torch.testing.assert_close(masked.first.weight[:, :3], small.first.weight)
    torch.testing.assert_close(masked.last.weight, small.last.weight)


def test_the_loss_may_be_another():
    def halved(logits, targets):
        return cross_entropy(logits, targets, reduction="none") / 2

    found = trained(FirstOrder(3, 12, 0.1, "sgd"), loss=halved)
    torch.testing.assert_close(found, trained(FirstOrder(3, 12, 0.05, "sgd")))


def test_noise_without_a_deviation_and_a_deviation_without_noise_are_refused():
    for choices, given in [
        (FirstOrder(3, 12, 0.05, clip=0.5), noise()),
        (FirstOrder(3, 12, 0.05, clip=0.5, deviation=1), None),
    ]:
        with pytest.raises(PrivatuneError, match="belong together"):
            train(Net(), batches(0.3), choices, given)


@pytest.mark.parametrize(("clip", "deviation"), [(math.inf, 1.0), (0.5, -1.0), (0.5, math.nan), (0.5, math.inf)])
def test_noise_that_hides_nothing_is_refused(clip, deviation):
    with pytest.raises(PrivatuneError, match="noise needs a clip"):
        FirstOrder(3, 12, 0.05, clip=clip, deviation=deviation)


@pytest.mark.parametrize("wrong", [{"steps": 0}, {"batch": 0}, {"rate": math.nan}, {"clip": 0}])
def test_choices_out_of_range_are_refused(wrong):
    with pytest.raises(PrivatuneError, match="must be above 0"):
        FirstOrder(**{"steps": 1, "batch": 1, "rate": 1, **wrong})
