"""What a GPU computes: what the processor computes, up to rounding, and the same bits every time."""

import numpy as np
import pytest
import torch
from transformers import BertConfig, BertModel

from privatune.core.streams import stream
from privatune.models.checkpoint import PRECISIONS, use
from privatune.models.classifier import classifier
from privatune.models.classifier_settings import head_settings, scope_settings
from privatune.models.encoder import bare_network, encoder_of
from privatune.models.generate import generate
from privatune.models.network import initial_weights, zero_state
from privatune.models.settings import CifgSettings, LstmSettings, NumericsSettings
from privatune.training.clipped import clipped_sum
from privatune.training.grids import on_grid, perturb
from privatune.training.step import learner_of, train_step

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU with CUDA")

WORDS, TIME, BATCH = 300, 20, 10
MODELS = {"lstm": LstmSettings(hidden=64), "cifg": CifgSettings(kind="cifg", hidden=48, projection=24)}


def arrays(model):
    """Weights of a model as numpy arrays; those of the layers are large enough that each step moves them."""
    return {name: 4 * value.numpy() for name, value in initial_weights(MODELS[model], WORDS, stream(1, "w")).items()}


def trained(model, accelerator, precision="float32", steps=5):
    """The weights after some steps on text with many words that repeat, and the state of the layers."""
    lm = learner_of(arrays(model), NumericsSettings(accelerator=accelerator, precision=precision))
    device, state = lm.weights["embedding"].device, zero_state(lm.computing, BATCH)
    for step in range(steps):
        words = torch.from_numpy(stream(2, "words", step).integers(0, WORDS, (TIME + 1, BATCH)) % 7).to(device)
        _, state = train_step(lm, words[:-1], words[1:], state, 0.7, 5.0)
    return {name: weight.cpu() for name, weight in lm.weights.items()}, [part.cpu() for one in state for part in one]


@pytest.mark.parametrize("model", MODELS)
def test_float32_training_is_that_of_the_processor(model):
    (found, states), (expected, expected_states) = (trained(model, device) for device in ("cuda", "cpu"))
    # float32 rounds to within 2e-5 here; with products in TF32 the difference would be about 0.05
    close = {"rtol": 1e-3, "atol": 3e-3}
    for name, weight in expected.items():
        torch.testing.assert_close(found[name], weight, **close, msg=lambda text, name=name: f"{name}: {text}")
    torch.testing.assert_close(states, expected_states, **close)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("model", MODELS)
def test_training_gives_the_same_bits_again(model, precision):
    first, again = (trained(model, "cuda", precision, steps=30)[0] for _ in range(2))
    assert [name for name, weight in first.items() if not torch.equal(weight, again[name])] == []


def test_text_is_drawn_as_on_the_processor():
    drawn = []
    for accelerator in ("cuda", "cpu"):
        lm = learner_of(arrays("lstm"), NumericsSettings(accelerator=accelerator))
        drawn.append(generate(lm.weights, 400, 4, stream(3, "text")))
    assert np.mean(drawn[0] == drawn[1]) > 0.99


@pytest.fixture
def model():
    """A classifier on the processor that trains its encoder by LoRA."""
    config = BertConfig(hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=24, vocab_size=30)
    network = bare_network(config.to_dict(), BertModel(config, add_pooling_layer=False).state_dict())
    rng = stream(4, "weights")
    with torch.no_grad():
        for value in network.parameters():
            value.copy_(torch.from_numpy(rng.normal(0, 0.3, value.shape)))
    scope, head = scope_settings({"name": "lora", "count": None}), head_settings({"name": "linear"})
    return classifier(scope, head, np.zeros((3, 16), np.float32), stream(5, "head"), encoder_of(network)).eval()


def test_clipped_sums_are_those_of_the_processor_and_the_same_bits_again(model):
    ids = torch.from_numpy(stream(6, "sentences").integers(1, 30, (8, 7)))
    minibatch = (ids, torch.arange(7) < torch.arange(8)[:, None].clamp(1), torch.arange(8) % 3)
    expected = clipped_sum(model, [minibatch], 0.5).sums
    device = use(NumericsSettings(accelerator="cuda"))
    model, there = model.to(device), [tuple(part.to(device) for part in minibatch)]
    found, again = (clipped_sum(model, there, 0.5).sums for _ in range(2))
    for name, total in expected.items():
        torch.testing.assert_close(found[name].cpu(), total, rtol=1e-3, atol=1e-5)
        assert torch.equal(found[name], again[name])


def test_weights_are_the_same_bits_after_a_pair(model):
    weights = on_grid(model.to(use(NumericsSettings(accelerator="cuda"))), 1e-3)
    before = [weight.values.clone() for weight in weights]
    perturb(weights, 7, 1e-3, 1)
    assert not any(torch.equal(weight.values, old) for weight, old in zip(weights, before, strict=True))
    perturb(weights, 7, 1e-3, -2)
    perturb(weights, 7, 1e-3, 1)
    assert all(torch.equal(weight.values, old) for weight, old in zip(weights, before, strict=True))
