import os
import warnings

import numpy as np
import pytest
import torch

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import save_tensors
from privatune.models.checkpoint import load_weights, save_weights, use
from privatune.models.settings import NumericsSettings


def test_weights_survive_the_disk(tmp_path):
    weights = {"lstm.0.bias": torch.arange(3.0), "embedding": torch.ones(2, 2)}
    save_weights(tmp_path / "m.safetensors", weights)
    assert {name: t.tolist() for name, t in load_weights(tmp_path / "m.safetensors").items()} == {
        "embedding": [[1, 1], [1, 1]],
        "lstm.0.bias": [0, 1, 2],
    }


@pytest.mark.parametrize(
    ("layer", "about"),
    [("lstm.0.bias", {"model": {"kind": "cifg"}}), ("gru.0.bias", {"model": {"kind": "gru"}}), ("lstm.0.bias", {})],
)
def test_a_model_of_another_kind_than_its_header_says_or_of_none_that_is_known_is_refused(tmp_path, layer, about):
    save_tensors(tmp_path / "m", {layer: np.ones(4, np.float32)}, about)
    with pytest.raises(PrivatuneError, match="known kinds are lstm, cifg"):
        load_weights(tmp_path / "m")


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-1], lambda d: d[:20], lambda d: d[:-3] + b"\x01" + d[-2:], lambda d: b""]
)
def test_a_damaged_checkpoint_is_named(tmp_path, damage):
    path = tmp_path / "m.safetensors"
    save_weights(path, {"lstm.0.bias": torch.from_numpy(np.ones(4, np.float32))})
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(PrivatuneError, match=r"m\.safetensors.*delete it and run again"):
        load_weights(path)


def test_a_device_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(PrivatuneError, match="accelerator: cuda"):
        use(NumericsSettings(accelerator="cuda"))


@pytest.fixture
def unchanged(monkeypatch):
    """What `use` sets for a GPU is set back after the test."""
    monkeypatch.setattr("os.environ", dict(os.environ))
    fixed, precision = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.rnn.fp32_precision
    filled, threads = torch.utils.deterministic.fill_uninitialized_memory, torch.get_num_threads()
    with warnings.catch_warnings():
        yield
    torch.use_deterministic_algorithms(fixed)
    torch.utils.deterministic.fill_uninitialized_memory, torch.backends.cudnn.rnn.fp32_precision = filled, precision
    torch.set_num_threads(threads)


def test_a_gpu_adds_in_a_fixed_order_and_takes_whole_factors(monkeypatch, unchanged):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    os.environ.pop("CUBLAS_WORKSPACE_CONFIG", None)
    assert use(NumericsSettings(accelerator="cuda")) == torch.device("cuda")
    assert torch.are_deterministic_algorithms_enabled() and os.environ["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    assert torch.backends.cudnn.rnn.fp32_precision == "ieee"
