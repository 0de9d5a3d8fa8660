"""Training by forward passes: the same bits after a pair, plain references of each method, and the size of a step."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from transformers import BertConfig, BertForSequenceClassification

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream, stream_key
from privatune.training import grids
from privatune.training.grids import LEAST, MOST, on_grid, perturb, settle
from privatune.training.zeroth_order import (
    ZerothOrder,
    bytes_per_step,
    coefficients,
    direction_seeds,
    linear_logits,
    train,
    whole_sum,
)

UNIT = 2.0**-50


class Bert(torch.nn.Module):
    def __init__(self, spread=0.02):
        super().__init__()
        config = BertConfig(
            vocab_size=50, hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32
        )
        config.initializer_range = spread
        with torch.random.fork_rng():  # transformers draws weights from torch's own generator
            torch.manual_seed(0)
            self.network = BertForSequenceClassification(config)
        with torch.no_grad():  # encoders have norms with weights like these
            self.network.bert.encoder.layer[1].output.LayerNorm.weight.mul_(12.3)

    def forward(self, inputs, mask):
        return self.network(inputs, attention_mask=mask).logits


class Linear(torch.nn.Linear):
    def forward(self, inputs, mask):
        return super().forward(inputs)


class Quadratic(torch.nn.Module):
    """The loss -log softmax([a, 0])_0 is log(1 + exp(-a)); with a = -log(exp(f) - 1) it is f, here |A x - b|^2 / 2."""

    def __init__(self, size):
        super().__init__()
        self.x = torch.nn.Parameter(torch.from_numpy(stream(3, "test quadratic").standard_normal(size)).float())

    def forward(self, inputs, mask):
        f = (inputs.double() * (self.x.double() - 0.5) ** 2).sum(1) / 2 + 0.1
        logit = -torch.log(torch.expm1(f))
        return torch.stack([logit, torch.zeros_like(logit)], 1).float()


def sentences(count=6, length=5):
    rng = stream(1, "test sentences")
    ids = torch.from_numpy(rng.integers(0, 50, (count, length)))
    return ids, torch.ones_like(ids), torch.from_numpy(rng.integers(0, 2, count))


def vectors(count=16, features=20, classes=3):
    rng = stream(2, "test vectors")
    inputs = torch.from_numpy(rng.standard_normal((count, features))).float()
    return inputs, None, torch.from_numpy(rng.integers(0, classes, count))


def linear(features=20, classes=3):
    head = Linear(features, classes)
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(0.3 * stream(4, "test head").standard_normal((classes, features))))
        head.bias.zero_()
    return head


def bits(network):
    return [parameter.detach().numpy().copy() for parameter in network.parameters()]


def same(one, other):
    return all(np.array_equal(a.view(np.int32), b.view(np.int32)) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("scale", [1e-3, 1e-2])
def test_the_weights_are_the_same_bits_after_a_pair(scale):
    network = Bert()
    weights = on_grid(network, scale)
    before = bits(network)
    for seed in range(20):
        perturb(weights, seed, scale, 1)
        assert not same(bits(network), before)
        perturb(weights, seed, scale, -2)
        perturb(weights, seed, scale, 1)
        assert same(bits(network), before)


@given(st.floats(1e-6, 1e3), st.floats(1e-5, 1.0), st.integers(0, 2**64 - 1))
def test_a_pair_is_exact_for_every_weight_and_scale_that_is_not_refused(largest, scale, seed):
    network = linear()
    with torch.no_grad():
        network.weight.mul_(largest / network.weight.abs().max())
    try:
        weights = on_grid(network, scale)
    except PrivatuneError as error:
        assert "take a perturbation of at least" in str(error) and scale < largest * 2.0**-17
        return
    before = bits(network)
    for times in (1, -2):
        perturb(weights, seed, scale, times)
        for weight in weights:
            steps = weight.values.double() / weight.unit
            assert torch.equal(steps, steps.round()) and steps.abs().max() <= MOST
    perturb(weights, seed, scale, 1)
    assert same(bits(network), before)


def test_plain_addition_and_subtraction_would_drift():
    """What the grid is for: without it the weights after a pair differ."""
    network, drifted = Bert(), 0
    before = bits(network)
    for seed in range(5):
        for times in (1, -2, 1):
            drawn = torch.Generator().manual_seed(seed)
            for parameter in network.parameters():
                parameter.data.add_(torch.randn(parameter.shape, generator=drawn), alpha=times * 1e-3)
        drifted += not same(bits(network), before)
    assert drifted == 5


def test_rounding_to_the_grid_changes_a_perturbation_by_less_than_a_percent():
    network, scale = Bert(), 1e-3
    weights = on_grid(network, scale)
    before = bits(network)
    perturb(weights, 7, scale, 1)
    moved = bits(network)
    drawn = torch.Generator().manual_seed(7)
    for weight, a, b in zip(weights, before, moved, strict=True):
        wanted = scale * torch.randn(a.size, generator=drawn).double().numpy()
        got = (b.astype(np.float64) - a).ravel()
        assert np.linalg.norm(got - wanted) <= 0.3 / LEAST * np.linalg.norm(wanted) + weight.unit
    widest = max(weights, key=lambda weight: weight.unit)
    assert "LayerNorm" in widest.name and widest.unit == 2.0 ** (4 - 24)


def slopes_of(network, batch, scale, seed, dtype):
    """Slopes by plain perturbation in place, in any precision."""
    inputs, mask, labels = batch
    losses = []
    network = network.eval().to(dtype)
    for times in (1, -2):
        drawn = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for parameter in network.parameters():
                step = torch.randn(parameter.shape, generator=drawn).to(dtype)
                parameter.add_(step, alpha=times * scale)
            losses.append(torch.nn.functional.cross_entropy(network(inputs, mask), labels, reduction="none").double())
    return ((losses[0] - losses[1]) / (2 * scale)).numpy()


def test_slopes_in_float32_are_right_and_those_in_bfloat16_are_not_and_are_refused():
    batch, scale = sentences(24), 1e-3
    exact, ours, coarse = [], [], []
    for seed in range(8):
        exact.append(slopes_of(Bert(0.3), batch, scale, seed, torch.float64))
        coarse.append(slopes_of(Bert(0.3), batch, scale, seed, torch.bfloat16))
        network = Bert(0.3).eval()
        weights = on_grid(network, scale)
        ours.append(_slopes_in_place(network, weights, batch, scale, seed))
    assert np.corrcoef(np.ravel(exact), np.ravel(ours))[0, 1] > 0.99
    assert np.corrcoef(np.ravel(exact), np.ravel(coarse))[0, 1] < 0.9
    with pytest.raises(PrivatuneError, match=r"lost in the rounding of torch\.bfloat16; train in float32"):
        train(Bert().bfloat16(), lambda step: [batch], ZerothOrder(1, 6, 0.1), 0)
    network = linear()
    network.forward = lambda inputs, mask: (inputs @ network.weight.T).bfloat16()
    with pytest.raises(PrivatuneError, match=r"lost in the rounding of torch\.bfloat16; compute in float32"):
        train(network, lambda step: [vectors()], ZerothOrder(1, 6, 0.1), 0)


@torch.no_grad()
def _slopes_in_place(network, weights, batch, scale, seed):
    inputs, mask, labels = batch
    losses = []
    for times in (1, -2):
        perturb(weights, seed, scale, times)
        losses.append(torch.nn.functional.cross_entropy(network(inputs, mask), labels, reduction="none").double())
    perturb(weights, seed, scale, 1)
    return ((losses[0] - losses[1]) / (2 * scale)).numpy()


def round_to(unit, values):
    return np.rint(values / unit) * unit


def plain_mezo(network, batch, steps, expected, rate, scale, seed, release=np.sum):
    """MeZO (Malladi et al. 2023, algorithm 1) with copies of the weights, on the grid: one direction, the mean loss."""
    inputs, mask, labels = batch
    weights = on_grid(network, scale)
    start = [weight.values.clone() for weight in weights]
    for step in range(1, steps + 1):
        (seed_of_step,) = direction_seeds(1, seed, step)
        drawn = torch.Generator().manual_seed(seed_of_step)
        directions = [torch.randn(len(values), generator=drawn) for values in start]
        losses = []
        for sign in (1, -1):
            for weight, values, u in zip(weights, start, directions, strict=True):
                whole = torch.round(u * (scale / weight.unit))
                weight.values.copy_(values + sign * weight.unit * whole)
            with torch.no_grad():
                scores = network(inputs, mask)
            losses.append(torch.nn.functional.cross_entropy(scores, labels, reduction="none").double().numpy())
        slope = release((losses[0] - losses[1]) / (2 * scale)) * (rate / expected)
        for n, (weight, u) in enumerate(zip(weights, directions, strict=True)):
            change = (u.numpy() * np.float32(slope)).astype(np.float64)
            after = start[n].double().numpy() - round_to(weight.unit, change)
            weight.values.copy_(torch.from_numpy(after))
            settle(weight, scale)
            start[n] = weight.values.clone()
    return bits(network)


def test_without_clip_and_noise_it_is_mezo_bit_for_bit():
    batch, ours = sentences(), Bert()
    train(ours, lambda step: [batch], ZerothOrder(4, 6, 0.01), seed=5)
    assert same(bits(ours), plain_mezo(Bert().eval(), batch, 4, 6, 0.01, 1e-3, 5))
    assert not same(bits(ours), bits(Bert()))


def test_with_one_direction_it_is_dpzero_bit_for_bit():
    """DPZero (Zhang et al. 2024, algorithm 2): clip each slope, add one number, and go along the direction."""
    batch, clip, steps = vectors(), 0.25, 5
    noise = np.rint(stream(1, "test noise").normal(0, 2 * clip, (steps, 1)) / UNIT).astype(np.int64)
    rows = iter(noise[:, 0])

    def release(slopes):
        most = clip * (1 - 17 * 2.0**-52)
        clipped = [int(s * min(1.0, most / abs(s)) / UNIT) for s in slopes]
        assert any(abs(s) > clip for s in slopes) and any(abs(s) < clip for s in slopes)
        return (sum(clipped) + int(next(rows))) * UNIT

    choices = ZerothOrder(steps, 10, 0.1, clip=clip, unit=UNIT)
    ours = linear()
    train(ours, lambda step: [batch], choices, 6, noise)
    assert same(bits(ours), plain_mezo(linear(), batch, steps, 10, 0.1, 1e-3, 6, release))


def test_several_directions_are_dp_aggzo():
    """DP-AggZO (Bao et al. 2025): v_i = (s_i1 .. s_iK) / K, clipped as one vector; one step, worked out plainly."""
    batch, clip, directions, scale = vectors(), 0.2, 4, 1e-3
    noise = np.array([[3, -1, 4, 1]]) * 2**48
    ours, plain = linear(), linear()
    train(ours, lambda step: [batch], ZerothOrder(1, 8, 0.5, directions, clip=clip, unit=UNIT), 9, noise)
    weights = on_grid(plain, scale)
    slopes, us = [], []
    for seed in direction_seeds(directions, 9, 1):
        slopes.append(_slopes_in_place(plain, weights, batch, scale, seed))
        drawn = torch.Generator().manual_seed(seed)
        us.append(np.concatenate([torch.randn(len(w.values), generator=drawn).numpy() for w in weights]))
    v = np.array(slopes).T / directions
    v *= np.minimum(1, clip / np.linalg.norm(v, axis=1))[:, None]
    change = 0.5 / 8 * (v.sum(axis=0) + noise[0] * UNIT) @ np.array(us)
    before, after = (np.concatenate([a.ravel() for a in bits(network)]) for network in (linear(), ours))
    np.testing.assert_allclose(after - before, -change, atol=1e-6)


@pytest.mark.parametrize("directions", [1, 16])
def test_all_directions_at_once_give_the_same_model_up_to_rounding(directions):
    batch = vectors()
    noise = np.rint(stream(1, "test noise").normal(0, 0.1, (20, directions)) / UNIT).astype(np.int64)
    models = []
    for at_once in (None, linear_logits):
        network = linear()
        # more than one minibatch a step
        parts = [tuple(part if part is None else part[rows] for part in batch) for rows in (slice(0, 5), slice(5, 16))]
        choices = ZerothOrder(20, 16, 0.05, directions, clip=0.5, unit=UNIT)
        train(network, lambda step, parts=parts: parts, choices, 3, noise, at_once)
        models.append(np.concatenate([a.ravel() for a in bits(network)]))
    before = np.concatenate([a.ravel() for a in bits(linear())])
    assert np.linalg.norm(models[0] - models[1]) < 2e-3 * np.linalg.norm(models[0] - before)


def test_the_mean_over_directions_is_the_gradient_of_a_quadratic():
    size, rate, scale = 5, 1e-3, 1e-2
    network = Quadratic(size)
    curvature = torch.tensor([[1.0, 2.0, 0.5, 1.5, 1.0]])
    batch = (curvature, None, torch.zeros(1, dtype=torch.long))
    weights = on_grid(network, scale)
    x = network.x.detach().double().numpy().copy()
    gradient = curvature[0].double().numpy() * (x - 0.5)
    estimates = []
    for seed in range(1000):
        slope = _slopes_in_place(network, weights, batch, scale, seed)[0]
        estimates.append(slope * torch.randn(size, generator=torch.Generator().manual_seed(seed)).double().numpy())
    estimates = np.array(estimates)
    error = estimates.std(axis=0, ddof=1) / math.sqrt(len(estimates))
    assert (np.abs(estimates.mean(axis=0) - gradient) < 4 * error).all()
    assert (error < 0.2 * np.linalg.norm(gradient)).all()
    # and one step of many directions goes along it
    train(network, lambda step: [batch], ZerothOrder(1, 1, rate, 1000, scale), 11)
    moved = (x - network.x.detach().double().numpy()) / rate
    assert np.linalg.norm(moved - gradient) < 4 * np.linalg.norm(error)


def test_all_orthonormal_directions_are_dp_gd(monkeypatch):
    """K = d, u_k = sqrt(d) e_k: (s_i1 .. s_iK) / K is the gradient over sqrt(d), and the step that of DP-GD."""
    batch = vectors(8, 4, 3)
    head = linear(4, 3)
    size, clip, rate = 15, 0.3, 0.25

    def unit_vectors(weights, seeds):
        del weights
        return math.sqrt(size) * torch.eye(size)[: len(seeds)]

    monkeypatch.setattr("privatune.training.zeroth_order._directions", unit_vectors)
    noise = np.rint(stream(1, "test noise").normal(0, clip, (1, size)) / UNIT).astype(np.int64)
    before = np.concatenate([a.ravel() for a in bits(head)])
    gradients = []
    for row in range(8):
        loss = torch.nn.functional.cross_entropy(head(batch[0][row : row + 1], None), batch[2][row : row + 1])
        gradients.append(
            np.concatenate([g.numpy().ravel() for g in torch.autograd.grad(loss, list(head.parameters()))])
        )
    gradients = np.array(gradients) / math.sqrt(size)
    gradients *= np.minimum(1, clip / np.linalg.norm(gradients, axis=1))[:, None]
    wanted = math.sqrt(size) * rate / 8 * (gradients.sum(axis=0) + noise[0] * UNIT)
    choices = ZerothOrder(1, 8, rate, size, 1e-3, clip, UNIT)
    train(head, lambda step: [batch], choices, 0, noise, linear_logits)
    after = np.concatenate([a.ravel() for a in bits(head)])
    np.testing.assert_allclose(before - after, wanted, atol=2e-4 * np.abs(wanted).max())


def test_dpgd_by_vectors_worked_out_plainly():
    """DPGD-0th (Zhang et al. 2024, algorithm 1): each s_i u is clipped as a vector, and each value gets noise."""
    batch, clip, rate, scale = vectors(), 3.0, 0.5, 1e-3
    ours, plain = linear(), linear()
    noise = np.rint(stream(1, "test noise").normal(0, 1, (1, 63)) / UNIT).astype(np.int64)
    train(ours, lambda step: [batch], ZerothOrder(1, 10, rate, clip=clip, unit=UNIT, vector=True), 2, noise)
    weights = on_grid(plain, scale)
    (seed,) = direction_seeds(1, 2, 1)
    slopes = _slopes_in_place(plain, weights, batch, scale, seed)
    drawn = torch.Generator().manual_seed(seed)
    u = np.concatenate([torch.randn(len(w.values), generator=drawn).double().numpy() for w in weights])
    each = slopes[:, None] * u
    norms = np.linalg.norm(each, axis=1)
    assert norms.min() < clip < norms.max()
    each *= np.minimum(1, clip / norms)[:, None]
    before, after = (np.concatenate([a.ravel() for a in bits(network)]) for network in (linear(), ours))
    np.testing.assert_allclose(before - after, rate / 10 * (each.sum(axis=0) + noise[0] * UNIT), atol=1e-6)


SLOPES = arrays(np.float64, (5, 3), elements=st.floats(-1e30, 1e30) | st.sampled_from([np.nan, np.inf, -np.inf, 0.0]))


@given(SLOPES, st.floats(1e-3, 1e3))
def test_one_example_moves_the_sum_by_at_most_the_clip(slopes, clip):
    """Pitfall 2, exactly: with and without the last example the whole numbers differ by at most C."""
    choices = ZerothOrder(1, 2, 1.0, 3, clip=clip, unit=2.0 ** (math.frexp(clip)[1] - 50))
    finite = np.where(np.isfinite(slopes), slopes, 0.0) / 3
    apart = whole_sum(finite, choices) - whole_sum(finite[:-1], choices)
    moved = sum(Fraction(int(value)) ** 2 for value in apart) * Fraction(choices.unit) ** 2
    assert moved <= Fraction(clip) ** 2
    reverse = whole_sum(finite[::-1], choices)
    assert (reverse == whole_sum(finite, choices)).all(), "exact in any order"


def released_vector(slopes, clip, unit, seed, size, monkeypatch):
    """The whole numbers that DPGD-0th adds its noise to, read off a step of rate B from zero weights."""
    from privatune.training import zeroth_order

    seen = []
    monkeypatch.setattr(zeroth_order, "subtract", lambda weight, part, change: seen.append(change))
    head = Linear(size, 1, bias=False)
    weights = on_grid(head, 1e-3)
    choices = ZerothOrder(1, 1, 1 / unit, clip=clip, unit=unit, vector=True)
    zeroth_order._descend_by_vector(weights, seed, np.asarray(slopes), choices, np.zeros(size, np.int64))
    return torch.cat(seen).double().numpy()


def test_one_example_moves_the_sum_of_vectors_by_at_most_the_clip(monkeypatch):
    clip, size = 0.7, 40
    unit = 2.0**-20  # so coarse that float32 shows each whole number
    rng = stream(1, "test slopes")
    longest = 0.0
    for seed in range(50):
        slopes = np.append(rng.normal(0, 1, 5), [1e9, np.nan][seed % 2])
        one, other = (released_vector(s, clip, unit, seed, size, monkeypatch) for s in (slopes, slopes[:-1]))
        longest = max(longest, math.sqrt(((one - other) ** 2).sum()) * unit)
    assert 0.99 * clip < longest <= clip


def test_slopes_that_are_not_finite_count_as_zero_and_nobody_is_told(caplog, capsys):
    inputs, mask, labels = vectors()
    broken = inputs.clone()
    broken[3] = math.nan
    broken[5] = math.inf
    broken[7] = -math.inf  # three, because NaN becomes -2^63 as a whole number, and two of these would cancel
    kept = [n for n in range(16) if n not in (3, 5, 7)]
    noise = np.full((3, 2), 2**45)
    choices = ZerothOrder(3, 16, 0.1, 2, clip=0.5, unit=UNIT)
    for at_once in (None, linear_logits):
        one, other = linear(), linear()
        assert train(one, lambda step: [(broken, mask, labels)], choices, 1, noise, at_once) is None
        train(other, lambda step: [(inputs[kept], mask, labels[kept])], choices, 1, noise, at_once)
        np.testing.assert_allclose(bits(one)[0], bits(other)[0], atol=1e-6)
        assert np.isfinite(bits(one)[0]).all()
    assert not caplog.records and capsys.readouterr() == ("", "")


@pytest.mark.parametrize("at_once", [None, linear_logits])
def test_an_empty_batch_is_a_step_of_noise_alone(at_once):
    noise, rate = np.array([[2**49, -(2**48)]]), 0.5
    network = linear()
    train(network, lambda step: [], ZerothOrder(1, 4, rate, 2, clip=1.0, unit=UNIT), 1, noise, at_once)
    us = []
    for seed in direction_seeds(2, 1, 1):
        drawn = torch.Generator().manual_seed(seed)
        us.append(torch.randn(60, generator=drawn).numpy())
    wanted = rate / 4 * (0.5 * us[0] - 0.25 * us[1])
    np.testing.assert_allclose((bits(linear())[0] - bits(network)[0]).ravel(), wanted, atol=1e-6)


def test_the_sum_is_divided_by_the_public_expected_size():
    """Pitfall 1: the same examples move the weights as far when the batch happens to be twice as large as expected."""
    slopes = np.full((8, 1), 0.1)
    few, many = (coefficients(slopes[:n], ZerothOrder(1, 4, 1.0, clip=1.0, unit=UNIT), np.zeros(1)) for n in (4, 8))
    assert many == pytest.approx(2 * few)


@pytest.mark.parametrize("rows", [2, 4])
def test_exactly_the_steps_that_are_noised_are_taken(rows):
    asked = []
    choices = ZerothOrder(3, 16, 0.1, clip=0.5, unit=UNIT)
    with pytest.raises(PrivatuneError, match="3 steps need as many rows of noise, each with 1 whole numbers"):
        train(linear(), lambda step: asked.append(step) or [vectors()], choices, 1, np.zeros((rows, 1), np.int64))
    assert asked == [1, 2, 3][:rows], "and never a step without its noise"
    asked.clear()
    train(linear(), lambda step: asked.append(step) or [vectors()], choices, 1, np.zeros((3, 1), np.int64))
    assert asked == [1, 2, 3]
    for wrong in (np.zeros((3, 2), np.int64), np.zeros((3, 1))):
        with pytest.raises(PrivatuneError, match="each with 1 whole numbers"):
            train(linear(), lambda step: [vectors()], choices, 1, wrong)


def test_both_passes_of_a_pair_read_one_batch_in_evaluation_mode():
    seen = []

    class Seen(Linear):
        def forward(self, inputs, mask):
            seen.append((inputs.clone(), self.training))
            return super().forward(inputs, mask)

    rng = stream(1, "test batches")
    network = Seen(20, 3)
    network.train()
    drawn = iter(torch.from_numpy(rng.standard_normal((2, 16, 20))).float())
    train(network, lambda step: ((x, None, vectors()[2]) for x in [next(drawn)]), ZerothOrder(2, 16, 0.1, 3), 1)
    assert len(seen) == 12 and not any(training for _, training in seen)
    for step in range(2):
        assert all(torch.equal(seen[6 * step][0], other) for other, _ in seen[6 * step : 6 * step + 6])


def test_a_tensor_that_outgrows_its_grid_gets_a_coarser_one():
    network = linear()
    with torch.no_grad():
        network.weight.zero_()
    units = {weight.name: weight.unit for weight in on_grid(network, 1e-3)}
    noise = np.full((6, 1), 2**50)
    train(network, lambda step: [], ZerothOrder(6, 1, 0.5, clip=1.0, unit=UNIT), 1, noise)
    after = on_grid(network, 1e-3)
    assert all(weight.unit > 4 * units[weight.name] for weight in after)
    assert same(bits(network), (on_grid(network, 1e-3), bits(network))[1]), "it lies on its grid already"


def test_chunks_do_not_change_a_direction_between_passes(monkeypatch):
    """Large tensors are made in chunks, whose size is fixed: every pass sees the same direction."""
    monkeypatch.setattr(grids, "CHUNK", 17)
    batch, models = vectors(), []
    for at_once in (None, linear_logits):
        network = linear()
        train(network, lambda step: [batch], ZerothOrder(3, 16, 0.05, 2), 3, None, at_once)
        models.append(bits(network)[0])
    np.testing.assert_allclose(*models, atol=1e-5)


def test_the_direction_does_not_determine_the_noise():
    """Pitfall 8: the generator that makes u draws no noise, and none of its seeds is the noise's."""
    seeds = direction_seeds(4, 7, 1) + direction_seeds(4, 7, 2)
    assert len(set(seeds)) == 8 and direction_seeds(4, 7, 1) == seeds[:4] != direction_seeds(4, 8, 1)
    assert 7 not in seeds and stream_key(7, "privacy noise") % 2**64 not in seeds
    models = []
    for noise in ([[5]], [[2**49]]):
        network = linear()
        train(network, lambda step: [], ZerothOrder(1, 1, 0.1, clip=1.0, unit=UNIT), 1, np.array(noise))
        models.append(bits(network)[0])
    assert not np.array_equal(*models), "one seed, two noises: the noise is an argument and nothing else"


def test_only_what_has_requires_grad_is_trained():
    network = linear()
    network.bias.requires_grad_(False)
    before = bits(network)
    train(network, lambda step: [vectors()], ZerothOrder(2, 16, 0.1), 1)
    assert np.array_equal(bits(network)[1], before[1]) and not np.array_equal(bits(network)[0], before[0])
    network.weight.requires_grad_(False)
    with pytest.raises(PrivatuneError, match="no tensor of the classifier is trained"):
        train(network, lambda step: [vectors()], ZerothOrder(2, 16, 0.1), 1)


def test_what_is_not_possible_is_one_clear_line():
    for wrong, message in (
        ({"steps": 0}, "must be above 0"),
        ({"clip": -1.0}, "must be above 0"),
        ({"clip": 1.0}, "a clip needs a unit of its sums"),
        ({"vector": True}, "DPGD-0th has one direction and a finite clip"),
        ({"vector": True, "directions": 2, "clip": 1.0, "unit": UNIT}, "DPGD-0th has one direction"),
    ):
        with pytest.raises(PrivatuneError, match=message):
            ZerothOrder(**({"steps": 1, "batch": 1, "rate": 1.0} | wrong))
    with pytest.raises(PrivatuneError, match="noise protects nothing that is not clipped"):
        train(linear(), lambda step: [vectors()], ZerothOrder(1, 16, 0.1), 1, np.ones((1, 1), np.int64))
    with pytest.raises(PrivatuneError, match=r"weight: the training has diverged; lower its rate"):
        train(linear(), lambda step: [], ZerothOrder(1, 1, 1e38, clip=1.0, unit=UNIT), 1, np.full((1, 1), 2**60))


def test_the_bytes_of_a_step():
    """A seed of eight bytes and one float32 per number that is noised."""
    assert bytes_per_step(1) == 12
    assert bytes_per_step(64) == 264
    assert bytes_per_step(2310) == 9248
