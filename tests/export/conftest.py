"""Tiny language models of every kind, with weights large enough that gates and cells are far from linear."""

import numpy as np
import pytest
import torch

from privatune.core.streams import stream
from privatune.models.network import initial_weights
from privatune.models.settings import CifgSettings, LstmSettings

KINDS = {
    "lstm": LstmSettings(hidden=16),
    "untied": LstmSettings(hidden=16, layers=1, tied=False),
    "cifg": CifgSettings(kind="cifg", hidden=24, projection=16, layers=2),
}
WORDS = 60


@pytest.fixture
def weights():
    """A function that gives the weights of a model of a kind."""

    def draw(kind):
        drawn = initial_weights(KINDS[kind], WORDS, stream(0, kind))
        rng = stream(1, kind)
        return {
            name: torch.from_numpy(rng.normal(0, 0.5, weight.shape).astype(np.float32))
            for name, weight in drawn.items()
        }

    return draw
