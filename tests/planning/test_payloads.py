import pytest
from pydantic import TypeAdapter

from privatune.compression.settings import CodecSettings
from privatune.models.settings import LstmSettings
from privatune.models.sizes import parameters
from privatune.planning.payloads import payload_bytes


def test_a_payload_is_counted_by_encoding():
    model = LstmSettings(layers=1, hidden=64)
    weights = 4 * parameters(model, 2000)
    sizes = {
        name: payload_bytes(TypeAdapter(CodecSettings).validate_python({"name": name}), model, 2000, 5)
        for name in ("dense", "half", "topk")
    }
    assert weights < sizes["dense"] < 1.001 * weights
    assert sizes["half"] == pytest.approx(sizes["dense"] / 2, rel=1e-3)
    assert sizes["topk"] < sizes["half"] / 4
