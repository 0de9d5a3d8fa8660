import numpy as np
import pytest
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.models.settings import LstmSettings, NumericsSettings
from privatune.training import pretrain as module
from privatune.training.pretrain import pretrain
from privatune.training.settings import PretrainSettings

WORDS = 40
MODEL = LstmSettings(hidden=16)
SETTINGS = PretrainSettings(
    epochs=1.5, minibatch=4, bptt=10, learning_rate=0.5, checkpoint_steps=7, validation_steps=10, validation_tokens=400
)


def text(count, seed):
    """Words of which each tells much about the next."""
    rng = stream(seed, "text")
    return np.cumsum(rng.choice([1, 2, 3], count, p=[0.8, 0.1, 0.1])).astype(np.uint16) % WORDS


def run(folder, precision="float32", threads=1, settings=SETTINGS, train=1500, valid=500, origin=()):
    numerics = NumericsSettings(precision=precision, threads=threads)
    texts = text(train, 0), text(valid, 1)
    return pretrain(*texts, WORDS, 0, MODEL, settings, numerics, 0, folder, origin)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_stopped_run_ends_in_the_same_bits(tmp_path, monkeypatch, precision):
    expected, curve = run(tmp_path / "whole", precision)
    steps = curve[-1]["step"]
    real, calls = module.train_step, iter(range(10_000))

    def stops_twice(*arguments, **keywords):
        if next(calls) in (20, 40):
            raise KeyboardInterrupt
        return real(*arguments, **keywords)

    monkeypatch.setattr(module, "train_step", stops_twice)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            run(tmp_path / "stopped", precision)
    weights, resumed = run(tmp_path / "stopped", precision)
    assert next(calls) < 2 + steps + 2 * SETTINGS.checkpoint_steps + 1, "it went on from its checkpoints"
    for name, weight in expected.items():
        assert torch.equal(weights[name], weight), name
    strip = [[{k: v for k, v in row.items() if k != "seconds"} for row in c] for c in (curve, resumed)]
    assert strip[0] == strip[1]
    assert not list((tmp_path / "stopped").glob("*")), "checkpoints are removed at the end"


def test_a_damaged_checkpoint_is_not_used(tmp_path, monkeypatch):
    expected, _ = run(tmp_path / "whole")
    real, calls = module.train_step, iter(range(10_000))

    def stops(*arguments, **keywords):
        if next(calls) == 20:
            raise KeyboardInterrupt
        return real(*arguments, **keywords)

    monkeypatch.setattr(module, "train_step", stops)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "stopped")
    (checkpoint,) = (tmp_path / "stopped").rglob("*.safetensors")
    data = bytearray(checkpoint.read_bytes())
    data[len(data) // 2] ^= 1
    checkpoint.write_bytes(data)
    weights, _ = run(tmp_path / "stopped")
    assert all(torch.equal(weights[name], weight) for name, weight in expected.items())


def test_it_learns(tmp_path):
    settings = SETTINGS.model_copy(update={"epochs": 3, "learning_rate": 2.0})
    _, curve = pretrain(text(3000, 0), text(500, 1), WORDS, 0, MODEL, settings, NumericsSettings(), 0, tmp_path)
    assert curve[-1]["ppl_valid"] < 0.2 * WORDS, "the text's own perplexity is about 1.9"
    assert curve[-1]["step"] == 3 * -(-(3000 // 4 - 1) // 10)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_runs_with_one_thread_and_with_two_agree(tmp_path, precision):
    settings = SETTINGS.model_copy(update={"epochs": 0.5})
    one, two = (run(tmp_path, precision, threads, settings)[0] for threads in (1, 2))
    assert all(torch.equal(two[name], weight) for name, weight in one.items())


def test_a_checkpoint_of_other_code_is_not_used(tmp_path, monkeypatch):
    real, calls = module.train_step, []

    def stops_once(*arguments, **keywords):
        calls.append(0)
        if len(calls) == 20:
            raise KeyboardInterrupt
        return real(*arguments, **keywords)

    monkeypatch.setattr(module, "train_step", stops_once)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path, origin=["old"])
    _, curve = run(tmp_path, origin=["new"])
    assert len(calls) == 20 + curve[-1]["step"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": 1}, "the training text has fewer than two words"),
        ({"valid": 1}, "the validation text has fewer than two words"),
        ({"settings": SETTINGS.model_copy(update={"learning_rate": 100.0, "clip": 1000.0})}, "has diverged"),
    ],
)
def test_what_cannot_be_trained_is_one_line(tmp_path, changes, message):
    with pytest.raises(PrivatuneError, match=message):
        run(tmp_path, **changes)
