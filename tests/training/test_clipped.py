"""One-backward clipping against a loop over single examples."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn.functional import cross_entropy

from privatune.core.errors import PrivatuneError
from privatune.models.heads import Prompt
from privatune.models.masked import MaskedLinear, apply_masks, masks_of
from privatune.training.clipped import MARGINS, clipped_sum, cross_entropies
from privatune.training.layer_gradients import RULES, Gradients

CLASSES = 3


class Net(nn.Module):
    """Some layers, and the mean over positions as logits."""

    def __init__(self, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, inputs, mask):
        out = self.layers(inputs)
        return out if out.dim() == 2 else (out * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def trained(network):
    return {name: value for name, value in network.named_parameters() if value.requires_grad}


def by_example(network, minibatch, loss=cross_entropies):
    """The slow and obvious way: one backward pass per example."""
    found, masks = [], masks_of(network)
    for inputs, mask, target in zip(*minibatch, strict=True):
        one = loss(network(inputs[None], mask[None]), target[None])
        values = torch.autograd.grad(one, list(trained(network).values()), allow_unused=True, materialize_grads=True)
        values = dict(zip(trained(network), values, strict=True))
        found.append({name: value * masks.get(name, 1) for name, value in values.items()})
    return found


def norm(gradient):
    return float(torch.cat([value.flatten() for value in gradient.values()]).double().norm())


def reference(network, minibatch, clip, loss=cross_entropies):
    clip *= 1 - MARGINS[torch.float32]
    sums = {name: torch.zeros_like(value) for name, value in trained(network).items()}
    for gradient in by_example(network, minibatch, loss):
        size = norm(gradient)
        for name, value in gradient.items():
            sums[name] += value * min(1.0, clip / size if size else 1.0)
    return sums


def assert_alike(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-4, atol=1e-6, msg=name)


def draw(seed, *shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def whole(seed, most, *shape):
    return torch.randint(0, most, shape, generator=torch.Generator().manual_seed(seed))


def set_weights(network, seed=1, scale=0.5):
    with torch.no_grad():
        for index, value in enumerate(network.parameters()):
            value.copy_(draw(seed + index, *value.shape) * scale)
    apply_masks(network, masks_of(network))
    return network.eval()


def masked(batch, length):
    mask = torch.arange(length) < 1 + whole(8, length, batch)[:, None]
    mask[0] = True
    return mask


def minibatch(inputs):
    return inputs, masked(len(inputs), inputs.shape[1] if inputs.dim() > 1 else 1), whole(9, CLASSES, len(inputs))


def frozen(layer, *names):
    for name in names:
        getattr(layer, name).requires_grad_(False)
    return layer


def pruned(layer):
    return MaskedLinear(layer, draw(7, *layer.weight.shape) > 0.3)


STATES, VECTORS, IDS = draw(5, 4, 5, 6), draw(5, 4, 6), whole(6, 4, 4, 5)
LAYERS = {
    "linear": (lambda: [nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, CLASSES)], STATES),
    "linear, wide": (lambda: [nn.Linear(6, 40), nn.Tanh(), nn.Linear(40, CLASSES)], STATES),
    "linear, no bias": (lambda: [nn.Linear(6, 40, bias=False), nn.Tanh(), nn.Linear(40, CLASSES)], STATES),
    "linear, bias only": (lambda: [nn.Tanh(), frozen(nn.Linear(6, CLASSES), "weight")], STATES),
    "linear, weight only": (lambda: [nn.Linear(6, 8), nn.Tanh(), frozen(nn.Linear(8, CLASSES), "bias")], STATES),
    "linear, vectors": (lambda: [nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, CLASSES)], VECTORS),
    "masked": (lambda: [pruned(nn.Linear(6, 40)), nn.Tanh(), pruned(nn.Linear(40, CLASSES))], STATES),
    "masked, no bias": (lambda: [pruned(nn.Linear(6, 40, bias=False)), nn.Tanh(), nn.Linear(40, CLASSES)], STATES),
    "masked, bias only": (lambda: [nn.Tanh(), frozen(pruned(nn.Linear(6, CLASSES)), "weight")], STATES),
    "masked, vectors": (lambda: [pruned(nn.Linear(6, 8)), nn.Tanh(), nn.Linear(8, CLASSES)], VECTORS),
    "layer norm": (lambda: [nn.LayerNorm(6), nn.Tanh(), nn.Linear(6, CLASSES)], STATES),
    "layer norm, vectors": (lambda: [nn.LayerNorm(6), nn.Tanh(), nn.Linear(6, CLASSES)], VECTORS),
    "layer norm, one of two": (lambda: [frozen(nn.LayerNorm(6), "bias"), nn.Linear(6, CLASSES)], STATES),
    "layer norm, last two": (lambda: [nn.LayerNorm((5, 6)), nn.Linear(6, CLASSES)], STATES),
    "prompt": (lambda: [nn.Linear(6, 6), Prompt(draw(2, CLASSES, 6), 10.0)], VECTORS),
    "embedding": (lambda: [nn.Embedding(4, 6), nn.Tanh(), nn.Linear(6, CLASSES)], IDS),
    "embedding, padding": (lambda: [nn.Embedding(4, 6, padding_idx=1), nn.Tanh(), nn.Linear(6, CLASSES)], IDS),
}


@pytest.mark.parametrize("clip", [0.1, 1.0, math.inf])
@pytest.mark.parametrize("name", LAYERS)
def test_each_layer_equals_the_loop(name, clip):
    layers, inputs = LAYERS[name]
    network, examples = set_weights(Net(*layers())), minibatch(inputs)
    found = clipped_sum(network, [examples], clip)
    assert_alike(found.sums, reference(network, examples, clip))
    assert (found.examples, found.refused) == (4, 0)


def network():
    return set_weights(Net(nn.Embedding(9, 6), nn.LayerNorm(6), nn.Linear(6, 16), nn.Tanh(), nn.Linear(16, CLASSES)))


def test_minibatches_add_up():
    examples = minibatch(whole(3, 9, 7, 5))
    parts = [tuple(part[rows] for part in examples) for rows in (slice(0, 4), slice(4, 4), slice(4, 5), slice(5, 7))]
    found = clipped_sum(network(), parts, 0.5)
    assert_alike(found.sums, clipped_sum(network(), [examples], 0.5).sums)
    assert found.examples == 7


def test_an_empty_batch_gives_zeros():
    found = clipped_sum(network(), [], 1.0)
    assert list(found.sums) == list(trained(network()))
    assert all(value.count_nonzero() == 0 for value in found.sums.values())
    assert (found.examples, found.refused) == (0, 0)


@pytest.mark.parametrize(
    ("bad", "masked"), [(math.nan, False), (math.inf, False), (1e30, False), (math.nan, True), (math.inf, True)]
)
def test_an_example_that_is_not_finite_counts_as_zero(bad, masked):
    first = pruned(nn.Linear(6, 16)) if masked else nn.Linear(6, 16)
    network = set_weights(Net(first, nn.LayerNorm(16), nn.Linear(16, CLASSES)))
    inputs, mask, labels = minibatch(STATES.clone())
    kept = torch.tensor([0, 2, 3])
    inputs[1, 0, 0] = bad
    found = clipped_sum(network, [(inputs, mask, labels)], 0.5)
    assert (found.examples, found.refused) == (4, 1)
    assert_alike(found.sums, clipped_sum(network, [(inputs[kept], mask[kept], labels[kept])], 0.5).sums)


def test_without_a_clip_nobody_is_refused_and_pruned_weights_still_have_no_gradient():
    network = set_weights(Net(pruned(nn.Linear(6, 16)), nn.LayerNorm(16), nn.Linear(16, CLASSES)))
    inputs, mask, labels = minibatch(STATES.clone())
    inputs[1, 0, 0] = math.nan
    found = clipped_sum(network, [(inputs, mask, labels)], math.inf)
    assert (found.examples, found.refused) == (4, 0)
    weight = found.sums["layers.0.weight"]
    assert weight.isnan().any() and weight[~network.layers[0].mask].count_nonzero() == 0


def test_without_a_clip_no_norms_are_computed(monkeypatch):
    def without_norms(layer, inputs, gradient):
        return Gradients(lambda: pytest.fail("a norm was computed"), RULES[nn.LayerNorm](layer, inputs, gradient).total)

    model, examples = set_weights(Net(nn.LayerNorm(6), nn.Linear(6, CLASSES))), minibatch(STATES)
    expected = reference(model, examples, math.inf)
    monkeypatch.setattr("privatune.training.clipped.RULES", {**RULES, nn.LayerNorm: without_norms})
    assert_alike(clipped_sum(model, [examples], math.inf).sums, expected)


def test_any_loss_of_single_examples_is_clipped():
    def loss(logits, targets):
        return (logits - targets[:, None]).square().sum(1)

    inputs, mask, _ = minibatch(whole(3, 9, 7, 5))
    examples = (inputs, mask, draw(9, 7))
    assert_alike(clipped_sum(network(), [examples], 0.5, loss=loss).sums, reference(network(), examples, 0.5, loss))


@pytest.mark.parametrize("batch", [1, 3, 7])
def test_masked_norms_do_not_depend_on_how_many_examples_are_taken_together(batch, monkeypatch):
    monkeypatch.setattr("privatune.training.layer_gradients.BLOCK", 3 * 8 * 6)
    layer, states, gradient = pruned(nn.Linear(6, 8)), draw(5, batch, 5, 6), draw(6, batch, 5, 8)
    expected = (torch.bmm(gradient.mT, states) * layer.mask).square().sum((1, 2)) + gradient.sum(1).square().sum(1)
    torch.testing.assert_close(RULES[MaskedLinear](layer, states, gradient).squares(), expected)


def test_without_a_clip_it_is_the_gradient_of_the_summed_loss():
    examples, model = minibatch(whole(3, 9, 7, 5)), network()
    loss = cross_entropy(model(*examples[:2]), examples[2], reduction="sum")
    expected = dict(zip(trained(model), torch.autograd.grad(loss, list(trained(model).values())), strict=True))
    assert_alike(clipped_sum(model, [examples], math.inf).sums, expected)


def test_a_gradient_of_zero_stays_zero():
    model = Net(nn.Linear(6, CLASSES))
    with torch.no_grad():
        model.layers[0].weight.zero_()
        model.layers[0].bias.copy_(torch.tensor([500.0, 0, 0]))
    found = clipped_sum(model, [(VECTORS, torch.ones(4, 1), torch.zeros(4, dtype=torch.int64))], 1.0)
    assert found.refused == 0 and all(value.count_nonzero() == 0 for value in found.sums.values())


@given(seed=st.integers(0, 1000), clip=st.floats(1e-3, 1e3), batch=st.integers(1, 5), scale=st.sampled_from([0.1, 3.0]))
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_one_example_moves_the_sum_by_at_most_the_clip(precision, seed, clip, batch, scale):
    model = set_weights(network(), seed, scale)
    examples = minibatch(whole(seed, 9, batch, 5))
    all_of_them = clipped_sum(model, [examples], clip, precision).sums
    without = clipped_sum(model, [tuple(part[1:] for part in examples)], clip, precision).sums
    alone = clipped_sum(model, [tuple(part[:1] for part in examples)], clip, precision).sums
    assert norm(alone) <= clip
    assert norm({name: value - without[name] for name, value in all_of_them.items()}) <= clip * (1 + 1e-5)


def test_bfloat16_is_near_float32_and_sums_are_float32():
    examples, model = minibatch(whole(3, 9, 7, 5)), network()
    exact, near = (clipped_sum(model, [examples], 0.5, kind).sums for kind in (torch.float32, torch.bfloat16))
    for name, value in exact.items():
        assert near[name].dtype == torch.float32
        assert (near[name] - value).norm() < 0.03 * value.norm(), name
    assert any((near[name] != value).any() for name, value in exact.items())


@pytest.mark.parametrize("mode", [True, False])
def test_hooks_work_in_both_modes_and_are_removed(mode):
    examples, model = minibatch(whole(3, 9, 7, 5)), network().train(mode)
    assert_alike(clipped_sum(model, [examples], 0.5).sums, reference(model, examples, 0.5))
    assert model.training == mode
    assert not any(layer._forward_hooks for layer in model.modules())
    assert all(value.grad is None for value in model.parameters())
    with pytest.raises(IndexError):
        clipped_sum(model, [(examples[0] + 100, *examples[1:])], 0.5)
    assert not any(layer._forward_hooks for layer in model.modules())


def test_it_works_where_gradients_are_switched_off():
    examples, model = minibatch(whole(3, 9, 7, 5)), network()
    with torch.no_grad():
        found = clipped_sum(model, [examples], 0.5)
    assert_alike(found.sums, reference(model, examples, 0.5))


def test_a_layer_without_a_part_in_the_loss_has_zeros_and_no_stale_norm():
    class Pooled(Net):
        uses = True

        def __init__(self, *layers):
            super().__init__(*layers)
            self.pooler = nn.Linear(CLASSES, CLASSES)
            self.ignored = nn.Linear(CLASSES, CLASSES)

        def forward(self, inputs, mask):
            out = super().forward(inputs, mask)
            self.ignored(out)
            return self.pooler(out) if self.uses else out

    model, examples = set_weights(Pooled(nn.Linear(6, CLASSES)), scale=3.0), minibatch(STATES)
    assert clipped_sum(model, [examples], 0.5).sums["pooler.weight"].norm() > 0
    model.uses = False
    found = clipped_sum(model, [examples], 0.5).sums
    assert_alike(found, reference(model, examples, 0.5))
    assert found["pooler.weight"].norm() == found["ignored.weight"].norm() == 0


class Positions(nn.Module):
    """Words and positions, whose ids are one row for all examples, or one for each."""

    def __init__(self, rows):
        super().__init__()
        self.rows, self.words, self.positions, self.head = rows, nn.Embedding(9, 6), nn.Embedding(5, 6), nn.Linear(6, 3)

    def forward(self, inputs, mask):
        ids = torch.arange(inputs.shape[1])
        places = self.positions(ids.expand(inputs.shape) if self.rows else ids[None])
        return self.head(((self.words(inputs) + places).tanh() * mask[..., None]).sum(1))


def test_position_embeddings_are_clipped_by_example_or_refused():
    examples = minibatch(whole(3, 9, 7, 5))
    model = set_weights(Positions(rows=True))
    assert_alike(clipped_sum(model, [examples], 0.5).sums, reference(model, examples, 0.5))
    with pytest.raises(PrivatuneError, match="positions: its input has 1 rows for 7 examples"):
        clipped_sum(Positions(rows=False), [examples], 0.5)


class Twice(Net):
    def forward(self, inputs, mask):
        return super().forward(self.layers(inputs), mask)


class Tied(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 6), nn.Linear(6, 6)
        self.second.weight = self.first.weight


class Bare(nn.Module):
    def __init__(self):
        super().__init__()
        self.vectors = nn.Parameter(torch.zeros(3, 6))


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (Twice(nn.Linear(6, 6)), "layers.0: the classifier uses this layer twice"),
        (Net(nn.Linear(6, 6), nn.ReLU(inplace=True)), "layers.0: its output is changed in place"),
        (Tied(), "second.weight: it is also first.weight"),
        (Net(nn.BatchNorm1d(6)), "layers.0.weight: gradients of a BatchNorm1d"),
        (Bare(), "vectors: gradients of a Bare"),
        (Net(nn.Embedding(4, 6, scale_grad_by_freq=True)), "layers.0.weight: gradients of a Embedding"),
        (Net(nn.Embedding(4, 6, max_norm=1.0)), "layers.0.weight: gradients of a Embedding"),
        (nn.MultiheadAttention(4, 2), "in_proj_weight: gradients of a MultiheadAttention"),
        (Net(nn.Linear(6, 6)).requires_grad_(False), "scope: no parameter"),
    ],
)
def test_what_cannot_be_clipped_by_example_is_refused(model, message):
    with pytest.raises(PrivatuneError, match=message):
        clipped_sum(model, [minibatch(STATES)], 1.0)


def test_a_frozen_layer_of_an_unknown_kind_is_no_obstacle():
    model = set_weights(Net(nn.Linear(6, 6), nn.RMSNorm(6).requires_grad_(False), nn.Linear(6, CLASSES)))
    assert_alike(clipped_sum(model, [minibatch(STATES)], 0.5).sums, reference(model, minibatch(STATES), 0.5))


@pytest.mark.parametrize("clip", [0.0, -1.0, math.nan])
def test_a_clip_that_bounds_nothing_is_refused(clip):
    with pytest.raises(PrivatuneError, match="clip: "):
        clipped_sum(network(), [], clip)
