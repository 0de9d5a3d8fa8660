import numpy as np
import pytest
import torch
from tops import train_top

from privatune.models.classifier_settings import scope_settings
from privatune.models.encoder import load_encoder
from privatune.models.settings import NumericsSettings
from privatune.systems.split.top import _advanced
from privatune.systems.split.top_settings import SplitTopSettings

CUT = 1
PHRASES = np.zeros((2, 16), np.float32)


def settings(scope="lora", count=None, **more):
    return SplitTopSettings(scope=scope_settings({"name": scope, "count": count}), batch=10, rate=0.01, **more)


def trained(folder, parts, chosen, seed=0):
    return train_top(load_encoder(folder), CUT, *parts, PHRASES, chosen, seed, NumericsSettings())


@pytest.mark.parametrize(("scope", "count"), [("lora", None), ("lora", 1), ("blocks", 2)])
def test_the_top_learns_from_the_states_that_were_sent(scope, count, folder, parts):
    model, accuracy = trained(folder, parts, settings(scope, count, steps=40))
    assert accuracy >= 80
    right = 0
    for start, length, label in zip(parts[1].starts, parts[1].lengths, parts[1].labels, strict=True):
        bits = torch.from_numpy(parts[1].values[start : start + length].copy().view(np.int16))
        states = bits.view(torch.bfloat16).float()[None]
        right += int(model(states, torch.ones(1, length, dtype=torch.bool)).argmax()) == label
    assert accuracy == pytest.approx(100 * right / 30)


def test_a_training_can_be_repeated_and_follows_its_seed(folder, parts):
    first, again, other = (trained(folder, parts, settings(steps=2), seed)[0].state_dict() for seed in (0, 0, 1))
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert any(not torch.equal(value, other[name]) for name, value in first.items())


def test_frozen_blocks_compute_once_what_they_would_compute_at_every_step(folder, parts):
    model = trained(folder, parts, settings(count=1, steps=1))[0]
    assert len(model.frozen) == 1
    train = parts[0]._replace(starts=parts[0].starts[::-1], lengths=parts[0].lengths[::-1])  # not in the file's order
    cached = _advanced(model, train, torch.device("cpu"))
    for row in range(30):
        states, after = (
            torch.from_numpy(e.values[e.starts[row] :][: e.lengths[row]].copy().view(np.int16)).view(torch.bfloat16)
            for e in (train, cached)
        )
        with torch.no_grad():
            expected = model.frozen[0](states.float()[None], None)[0]
        torch.testing.assert_close(after.float(), expected, rtol=2**-7, atol=1e-6)
