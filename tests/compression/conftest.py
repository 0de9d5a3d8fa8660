"""Every codec at its default and at settings that are worth a test of their own, and a small odd model."""

from typing import get_args

import numpy as np
import pytest
from pydantic import TypeAdapter

from privatune.compression.settings import CodecSettings
from privatune.core.streams import stream

DEFAULTS = [{"name": "dense"}] + [
    {"name": get_args(model.model_fields["name"].annotation)[0]}
    for model in get_args(get_args(CodecSettings)[0])
    if model.model_fields["name"].is_required()
]
VARIANTS = [
    {"name": "dense", "zstd": True},
    {"name": "half", "precision": "bfloat16", "error_feedback": True},
    {"name": "topk", "share": 0.3, "error_feedback": False},
    {"name": "topk", "share": 0.1, "zstd": True},
    {"name": "randomk", "share": 0.2, "error_feedback": True},
    {"name": "dgc", "share": 0.1, "clip": 0.5, "warmup_steps": 2},
    {"name": "onebit", "error_feedback": False},
    {"name": "terngrad", "clip_sigmas": None},
    {"name": "qsgd", "levels": 1, "bucket": 5, "norm": "max"},
    {"name": "qsgd", "levels": 127},
    {"name": "powersgd", "rank": 1, "error_feedback": False},
]
# a matrix, a vector, a scalar, a tensor without values and one of three dimensions, not in the order of names
LIKE = {"weight": (6, 5), "bias": (7,), "scale": (), "none": (0, 3), "kernel": (3, 2, 4)}


def codec_settings(**values):
    return TypeAdapter(CodecSettings).validate_python(values)


def pytest_generate_tests(metafunc):
    if "every_codec" in metafunc.fixturenames:
        chosen = DEFAULTS + VARIANTS
        names = ["-".join(map(str, values.values())) for values in chosen]
        metafunc.parametrize("every_codec", [codec_settings(**values) for values in chosen], ids=names)


@pytest.fixture
def settings():
    """Settings of a codec from its keys."""
    return codec_settings


@pytest.fixture
def like():
    return dict(LIKE)


@pytest.fixture
def drawn():
    """A random update of a model, by a number."""

    def draw(number, like=LIKE, scale=1.0):
        rng = stream(number, "test update")
        return {name: (scale * rng.standard_normal(shape)).astype(np.float32) for name, shape in like.items()}

    return draw
