"""One-backward clipping of whole sentence classifiers, in each scope, against single examples and against Opacus."""

import math
import warnings

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy
from transformers import BertConfig, BertModel

from privatune.core.streams import stream
from privatune.models.classifier import classifier, trained
from privatune.models.classifier_settings import head_settings, scope_settings
from privatune.models.encoder import bare_network, encoder_of
from privatune.training.clipped import MARGINS, clipped_sum
from privatune.training.first_order import FirstOrder, train
from privatune.training.opacus import opacus_step

HIDDEN, CLASSES, BATCH, LENGTH = 16, 3, 6, 7
SCOPES = {
    "head": {"name": "head"},
    "blocks": {"name": "blocks", "count": 1},
    "lora": {"name": "lora", "count": 2, "rank": 2},
    "biases": {"name": "biases", "count": 1},
    "all": {"name": "all"},
}


@pytest.fixture(scope="module")
def encoder():
    torch.set_num_threads(1)
    config = BertConfig(
        hidden_size=HIDDEN, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, vocab_size=30
    )
    network = bare_network(config.to_dict(), BertModel(config, add_pooling_layer=False).state_dict())
    rng = stream(1, "weights")
    with torch.no_grad():
        for value in network.parameters():
            value.copy_(torch.from_numpy(rng.normal(0, 0.3, value.shape)))
    return encoder_of(network)


def network(encoder, scope, head="linear"):
    phrases = stream(2, "phrases").standard_normal((CLASSES, HIDDEN)).astype(np.float32)
    return classifier(scope_settings(SCOPES[scope]), head_settings({"name": head}), phrases, stream(3, "head"), encoder)


def minibatch(scope):
    rng = stream(4, "sentences")
    mask = torch.arange(LENGTH) < torch.tensor([7, 7, 5, 4, 2, 1])[:, None]
    if scope == "head":
        inputs = torch.from_numpy(rng.standard_normal((BATCH, HIDDEN))).float()
    elif scope == "all":
        inputs = torch.from_numpy(rng.integers(1, 30, (BATCH, LENGTH))) * mask
    else:
        inputs = torch.from_numpy(rng.standard_normal((BATCH, LENGTH, HIDDEN))).float() * mask[..., None]
    return inputs, mask, torch.from_numpy(rng.integers(0, CLASSES, BATCH))


def by_example(model, examples):
    """The gradients of each example, with padding cut off: the slow and obvious way."""
    for inputs, mask, label in zip(*examples, strict=True):
        length = int(mask.sum())
        inputs = inputs if inputs.dim() == 1 and inputs.is_floating_point() else inputs[:length]
        loss = cross_entropy(model(inputs[None], mask[None, :length]), label[None])
        yield torch.autograd.grad(loss, list(trained(model).values()), allow_unused=True, materialize_grads=True)


def clipped_by_example(model, examples, clip):
    clip *= 1 - MARGINS[torch.float32]
    sums = {name: torch.zeros_like(value) for name, value in trained(model).items()}
    for gradient in by_example(model, examples):
        norm = float(torch.cat([value.flatten() for value in gradient]).norm())
        for name, value in zip(sums, gradient, strict=True):
            sums[name] += value * min(1.0, clip / norm)
    return sums


def assert_alike(found, expected):
    assert list(found) == list(expected)
    for name, value in expected.items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=2e-6, msg=name)


@pytest.mark.parametrize("head", ["linear", "prompt"])
@pytest.mark.parametrize("scope", SCOPES)
def test_each_scope_equals_the_loop(encoder, scope, head):
    model, examples = network(encoder, scope, head), minibatch(scope)
    norms = [float(torch.cat([value.flatten() for value in each]).norm()) for each in by_example(model, examples)]
    for clip in (float(np.median(norms)), math.inf):  # clips some examples and not others
        assert_alike(clipped_sum(model, [examples], clip).sums, clipped_by_example(model, examples, clip))


@pytest.mark.parametrize("ghost", [False, True])
@pytest.mark.parametrize("scope", ["head", "blocks", "lora", "biases"])
def test_steps_equal_those_of_opacus(encoder, scope, ghost):
    ours, theirs, examples = network(encoder, scope), network(encoder, scope), minibatch(scope)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of hooks on layers whose inputs need no gradient
        step = opacus_step(theirs, rate=0.01, clip=0.5, multiplier=0.0, batch=8, seed=1, ghost=ghost)
        for _ in range(3):
            step(*examples)
    train(ours, lambda step: [examples], FirstOrder(3, 8, 0.01, clip=0.5 / (1 - MARGINS[torch.float32])))
    # AdamW turns tiny gradients, which are rounding alone, into whole steps: compare where the gradient is not tiny
    sums = clipped_sum(network(encoder, scope), [examples], 0.5).sums
    for name, value in trained(ours).items():
        kept = sums[name].abs() > 1e-5
        torch.testing.assert_close(value[kept], theirs.get_parameter(name)[kept], rtol=1e-3, atol=3e-4, msg=name)


def test_every_matrix_of_lora_moves_from_b_of_zero(encoder):
    model = network(encoder, "lora")
    before = {name: value.detach().clone() for name, value in trained(model).items()}
    assert len(before) == 2 * 2 * 2 + 2
    assert all(bool(value.any()) != ("lora_B" in name or name == "head.bias") for name, value in before.items())
    train(model, lambda step: [minibatch("lora")], FirstOrder(2, BATCH, 0.01, clip=0.1))
    assert all((value != before[name]).any() for name, value in trained(model).items())


def test_bfloat16_stays_near_float32(encoder):
    model, examples = network(encoder, "blocks"), minibatch("blocks")
    exact, near = (clipped_sum(model, [examples], 0.5, kind).sums for kind in (torch.float32, torch.bfloat16))
    flat = [torch.cat([value.flatten() for value in sums.values()]) for sums in (exact, near)]
    assert (flat[0] - flat[1]).norm() < 0.03 * flat[0].norm()
