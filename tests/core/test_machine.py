"""What the last bits depend on."""

import pytest
import torch

from privatune.core.machine import machine


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
