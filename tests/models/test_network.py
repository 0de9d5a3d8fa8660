import numpy as np
import pytest
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.settings import Settings
from privatune.core.streams import stream
from privatune.core.validation import validated
from privatune.models.checkpoint import load_weights, save_weights
from privatune.models.generate import generate
from privatune.models.network import hidden_states, initial_weights, zero_state
from privatune.models.settings import CifgSettings, LstmSettings, ModelSettings, NumericsSettings, model_settings
from privatune.training import pretrain as module
from privatune.training.pretrain import pretrain
from privatune.training.settings import PretrainSettings

CIFG = CifgSettings(kind="cifg", hidden=24, projection=16)


class Whole(Settings):
    model: ModelSettings = LstmSettings()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({}, LstmSettings()),
        ({"hidden": 16}, LstmSettings(hidden=16)),
        ({"kind": "lstm", "tied": False}, LstmSettings(tied=False)),
        ({"kind": "cifg"}, CifgSettings(kind="cifg", layers=1, hidden=670, projection=96)),
        # what config.yaml says of the LSTM may lie below
        ({"layers": 2, "hidden": 256, "tied": True, "kind": "cifg"}, CifgSettings(kind="cifg", layers=2, hidden=256)),
    ],
)
def test_a_model_is_an_lstm_unless_its_kind_is_named(values, expected):
    assert validated(Whole, {"model": values}).model == model_settings(values) == expected
    assert model_settings(expected.model_dump()) == expected


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"kind": "gru"}, "`model.kind` is 'gru'.* one of lstm, cifg"),
        ({"projection": 8}, "unknown key `model.projection`"),
        ({"kind": "cifg", "tied": False}, "`model.tied` is False; it must be true"),
        ({"kind": "cifg", "projection": 1}, "`model.projection` is 1; it must be a whole number from 8"),
        (3, "`model` is 3"),
    ],
)
def test_a_wrong_model_is_named(values, message):
    with pytest.raises(PrivatuneError, match=message):
        validated(Whole, {"model": values})


@pytest.mark.parametrize("settings", [LstmSettings(hidden=8), CIFG], ids=["lstm", "cifg"])
def test_the_kind_is_known_from_the_names_of_weights(settings, tmp_path):
    weights = initial_weights(settings, 12, stream(0, "w"))
    save_weights(tmp_path / "m", weights)
    read = load_weights(tmp_path / "m")
    inputs = torch.tensor([[1, 2], [3, 4]])
    outputs = [hidden_states(w, w["embedding"][inputs], zero_state(w, 2))[0] for w in (weights, read)]
    assert torch.equal(*outputs)
    assert outputs[0].shape == (2, 2, weights["embedding"].shape[1])
    assert len(generate(read, 30, 4, stream(0, "g"))) == 30


def test_a_cifg_model_learns_and_goes_on_from_its_snapshot(tmp_path, monkeypatch):
    rng = stream(0, "text")
    text = np.cumsum(rng.choice([1, 2, 3], 3000, p=[0.8, 0.1, 0.1])).astype(np.uint16) % 40
    settings = PretrainSettings(
        epochs=3,
        minibatch=4,
        bptt=10,
        learning_rate=0.3,
        dropout=0.0,
        checkpoint_steps=100,
        validation_steps=200,
        validation_tokens=400,
    )

    def run(folder):
        return pretrain(text, text[:500], 40, 0, CIFG, settings, NumericsSettings(), 0, folder)

    weights, curve = run(tmp_path / "whole")
    assert curve[-1]["ppl_valid"] < 2.5, "the text's own perplexity is about 1.9, a guess's 40"

    real, calls = module.train_step, iter(range(10_000))

    def stops(*arguments, **keywords):
        if next(calls) == 130:
            raise KeyboardInterrupt
        return real(*arguments, **keywords)

    monkeypatch.setattr(module, "train_step", stops)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped")
    again, _ = run(tmp_path / "stopped")
    assert all(torch.equal(again[name], weight) for name, weight in weights.items())
