import numpy as np
import pytest
import torch

from privatune.core.errors import PrivatuneError
from privatune.models.checkpoint import load_weights, save_weights, use
from privatune.models.settings import NumericsSettings


def test_weights_survive_the_disk(tmp_path):
    weights = {"b": torch.arange(3.0), "a": torch.ones(2, 2)}
    save_weights(tmp_path / "m.safetensors", weights)
    assert {name: t.tolist() for name, t in load_weights(tmp_path / "m.safetensors").items()} == {
        "a": [[1, 1], [1, 1]],
        "b": [0, 1, 2],
    }


@pytest.mark.parametrize(
    "damage", [lambda d: d[:-1], lambda d: d[:20], lambda d: d[:-3] + b"\x01" + d[-2:], lambda d: b""]
)
def test_a_damaged_checkpoint_is_named(tmp_path, damage):
    path = tmp_path / "m.safetensors"
    save_weights(path, {"a": torch.from_numpy(np.ones(4, np.float32))})
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(PrivatuneError, match=r"m\.safetensors.*delete it and run again"):
        load_weights(path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="needs a machine without CUDA")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(PrivatuneError, match="device: cuda"):
        use(NumericsSettings(device="cuda"))
