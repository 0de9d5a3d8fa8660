"""What the last bits depend on."""

import pytest
import torch

from privatune.core import machine as module
from privatune.core.machine import machine, resolved


def test_a_cpu_has_versions_and_a_kind():
    found = machine("cpu")
    assert set(found) == {"python", "numpy", "torch", "processor", "accelerator"}
    assert all(found.values())
    assert found["accelerator"] == "none"


@pytest.mark.parametrize("there", [False, True])
def test_an_accelerator_is_named_where_it_is(monkeypatch, there):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: there)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "some GPU")
    assert machine("cuda").get("accelerator") == ("some GPU" if there else None)


@pytest.mark.parametrize(
    ("cuda", "flags", "device", "precision"),
    [
        (False, "flags: sse avx512_bf16", "cpu", "bfloat16"),
        (False, "flags: sse amx_bf16", "cpu", "bfloat16"),
        (False, "flags: sse avx2", "cpu", "float32"),
        (False, None, "cpu", "float32"),
        (True, None, "cuda", "bfloat16"),
    ],
)
def test_auto_is_what_this_machine_has(monkeypatch, tmp_path, cuda, flags, device, precision):
    monkeypatch.setattr(module, "NVIDIA", tmp_path / "nvidia")
    monkeypatch.setattr(module, "CPUINFO", tmp_path / "cpuinfo")
    if cuda:
        module.NVIDIA.touch()
    if flags:
        module.CPUINFO.write_text(flags)
    assert resolved("auto", "auto") == (device, precision)
    assert resolved("cpu", "float32") == ("cpu", "float32"), "what is stated stays"
