"""The written-out step against autograd on the whole loss."""

import numpy as np
import pytest
import torch

from privatune.core.streams import stream
from privatune.models.network import hidden_states, initial_weights, output_weight, zero_state
from privatune.models.settings import CifgSettings, LstmSettings, NumericsSettings
from privatune.training import step as step_module
from privatune.training.batches import dropout_masks
from privatune.training.step import descend, gradient, learner, learner_of, predict, train_step

WORDS, TIME, BATCH = 30, 6, 4


def reference_step(weights, inputs, targets, state, rate, clip, masks, teacher, hard_share):
    leaves = {name: weight.clone().requires_grad_() for name, weight in weights.items()}
    hidden, _ = hidden_states(leaves, leaves["embedding"][inputs], state, masks)
    logits = hidden.flatten(0, 1) @ output_weight(leaves).t() + leaves["output.bias"]
    soft = torch.nn.functional.one_hot(targets.flatten(), WORDS) * hard_share
    if teacher is not None:
        soft = soft + (1 - hard_share) * teacher
    loss = -(soft * torch.log_softmax(logits, 1)).sum() / BATCH
    gradients = torch.autograd.grad(loss, list(leaves.values()))
    norm = torch.sqrt(sum((g.double() ** 2).sum() for g in gradients))
    scale = min(1.0, clip / float(norm))
    return {name: weight - rate * scale * g for (name, weight), g in zip(weights.items(), gradients, strict=True)}


CIFG = CifgSettings(kind="cifg", layers=2, hidden=12, projection=8)


def case(tied, precision=torch.float32, model=None):
    weights = initial_weights(model or LstmSettings(hidden=8, tied=tied), WORDS, stream(3, "weights"))
    words = torch.from_numpy(stream(4, "words").integers(0, WORDS, (TIME + 1, BATCH)))
    lm = learner({name: weight.clone() for name, weight in weights.items()}, precision)
    masks = dropout_masks(0.3, 2, (TIME, BATCH, 8), stream(5, "masks"), lm.computing["embedding"])
    return weights, lm, words[:-1], words[1:], masks


@pytest.mark.parametrize(
    "model", [LstmSettings(hidden=8, tied=True), LstmSettings(hidden=8, tied=False), CIFG], ids=["tied", "free", "cifg"]
)
@pytest.mark.parametrize("hard_share", [1.0, 0.25, 0.0])
@pytest.mark.parametrize("clip", [1e9, 0.01])
def test_equals_autograd_on_the_whole_loss(model, hard_share, clip):
    weights, lm, inputs, targets, masks = case(True, model=model)
    teacher = None
    if hard_share < 1:
        teacher = torch.softmax(torch.from_numpy(stream(6, "t").standard_normal((TIME * BATCH, WORDS))).float(), 1)
    state = zero_state(weights, BATCH)
    expected = reference_step(weights, inputs, targets, state, 0.7, clip, masks, teacher, hard_share)
    train_step(lm, inputs, targets, zero_state(lm.computing, BATCH), 0.7, clip, masks, teacher, hard_share)
    for name, weight in expected.items():
        torch.testing.assert_close(lm.weights[name], weight, rtol=1e-4, atol=2e-6, msg=name)


def test_computing_weights_follow_the_float32_ones():
    _, lm, inputs, targets, masks = case(tied=False, precision=torch.bfloat16)
    train_step(lm, inputs, targets, zero_state(lm.computing, BATCH), 0.7, 5.0, masks)
    for name, weight in lm.weights.items():
        assert weight.dtype == torch.float32
        assert torch.equal(lm.computing[name].detach(), weight.bfloat16()), name


def test_bfloat16_step_is_near_the_float32_step():
    weights, lm, inputs, targets, masks = case(tied=True, precision=torch.bfloat16)
    expected = reference_step(weights, inputs, targets, zero_state(weights, BATCH), 0.7, 1e9, masks.float(), None, 1.0)
    train_step(lm, inputs, targets, zero_state(lm.computing, BATCH), 0.7, 1e9, masks)
    for name, weight in expected.items():
        moved, exact = lm.weights[name] - weights[name], weight - weights[name]
        assert float((moved - exact).norm() / exact.norm()) < 0.03, name


def test_reports_the_loss_before_the_step_and_the_next_state():
    weights, lm, inputs, targets, _ = case(tied=True)
    loss, state = train_step(lm, inputs, targets, zero_state(lm.computing, BATCH), 0.7, 5.0)
    hidden, after = hidden_states(weights, weights["embedding"][inputs], zero_state(weights, BATCH))
    logits = hidden.flatten(0, 1) @ output_weight(weights).t() + weights["output.bias"]
    expected = torch.nn.functional.cross_entropy(logits, targets.flatten(), reduction="sum")
    assert loss.targets == TIME * BATCH
    assert loss.total == pytest.approx(float(expected), rel=1e-5)
    for (h, c), (eh, ec) in zip(state, after, strict=True):
        torch.testing.assert_close(h, eh)
        torch.testing.assert_close(c, ec)
        assert not h.requires_grad


def test_a_shorter_window_reuses_the_buffers():
    weights, lm, inputs, targets, _ = case(tied=True)
    zero = zero_state(weights, BATCH)
    train_step(lm, inputs, targets, zero, 0.7, 1e9)
    before = {name: weight.clone() for name, weight in lm.weights.items()}
    expected = reference_step(before, inputs[:2], targets[:2], zero, 0.7, 1e9, None, None, 1.0)
    train_step(lm, inputs[:2], targets[:2], zero, 0.7, 1e9)
    for name, weight in expected.items():
        torch.testing.assert_close(lm.weights[name], weight, rtol=1e-4, atol=2e-6, msg=name)


def test_predict_gives_the_softmax_without_dropout():
    weights, lm, inputs, _, _ = case(tied=True)
    distribution, _ = predict(lm, inputs, zero_state(lm.computing, BATCH))
    hidden, _ = hidden_states(weights, weights["embedding"][inputs], zero_state(weights, BATCH))
    logits = hidden.flatten(0, 1) @ output_weight(weights).t() + weights["output.bias"]
    torch.testing.assert_close(distribution, torch.softmax(logits, 1))


def test_dropout_masks_keep_the_mean():
    masks = dropout_masks(0.25, 2, (50, 4, 8), stream(0, "m"), torch.empty(0))
    assert masks.shape == (3, 50, 4, 8)
    assert set(np.unique(masks.numpy())) == {0.0, np.float32(1 / 0.75)}
    assert float(masks.mean()) == pytest.approx(1.0, abs=0.05)
    assert dropout_masks(0.0, 2, (5, 4, 8), stream(0, "m"), torch.empty(0)) is None


@pytest.mark.parametrize("tied", [True, False])
def test_the_gradient_alone_is_what_a_step_applies(tied):
    weights, lm, inputs, targets, _ = case(tied)
    found, loss, _ = gradient(lm, inputs, targets, zero_state(lm.computing, BATCH))
    found = {name: g.clone() for name, g in found.items()}
    for name, weight in weights.items():
        assert torch.equal(lm.weights[name], weight), name
    stepped, _ = train_step(lm, inputs, targets, zero_state(lm.computing, BATCH), 0.7, 1e9)
    assert stepped == loss
    other = learner({name: weight.clone() for name, weight in weights.items()}, torch.float32)
    descend(other, {name: g.numpy() for name, g in found.items()}, 0.7)
    for name, weight in lm.weights.items():
        torch.testing.assert_close(other.weights[name], weight, rtol=1e-5, atol=1e-6, msg=name)
        assert torch.equal(other.computing[name].detach(), other.weights[name]), name


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_learner_trains_a_copy_of_the_arrays_in_the_chosen_precision(precision):
    weights, _, inputs, targets, _ = case(tied=True)
    arrays = {name: weight.numpy() for name, weight in weights.items()}
    before = {name: array.copy() for name, array in arrays.items()}
    lm = learner_of(arrays, NumericsSettings(precision=precision))
    train_step(lm, inputs, targets, zero_state(lm.computing, BATCH), 1.0, 5.0)
    assert {weight.dtype for weight in lm.weights.values()} == {torch.float32}
    assert {weight.dtype for weight in lm.computing.values()} == {getattr(torch, precision)}
    for name, array in before.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert not np.array_equal(lm.weights[name].numpy(), array)


def test_a_learner_is_on_the_chosen_accelerator(monkeypatch):
    """PyTorch's device without memory is on every machine."""
    monkeypatch.setattr(step_module, "use", lambda numerics: torch.device("meta"))
    lm = learner_of({"embedding": np.ones((3, 2), np.float32)}, NumericsSettings())
    assert lm.weights["embedding"].is_meta and lm.computing["embedding"].is_meta
