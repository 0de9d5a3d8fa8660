import numpy as np
import pytest

from privatune.models.network import initial_weights
from privatune.models.settings import CifgSettings, LstmSettings
from privatune.models.sizes import parameters, products, shapes

MODELS = [
    LstmSettings(layers=1, hidden=8),
    LstmSettings(layers=2, hidden=16, tied=False),
    CifgSettings(kind="cifg", layers=1, hidden=16, projection=8),
    CifgSettings(kind="cifg", layers=3, hidden=8, projection=16),
]


@pytest.mark.parametrize("model", MODELS)
def test_shapes_are_those_of_the_weights(model):
    weights = initial_weights(model, 50, np.random.default_rng(0))
    assert shapes(model, 50) == {name: tuple(weight.shape) for name, weight in weights.items()}
    assert parameters(model, 50) == sum(weight.numel() for weight in weights.values())


def test_a_word_is_multiplied_by_every_matrix_but_looked_up_in_the_embedding():
    assert products(LstmSettings(layers=2, hidden=16), 50) == 2 * 8 * 16**2 + 50 * 16
    assert products(LstmSettings(layers=2, hidden=16, tied=False), 50) == 2 * 8 * 16**2 + 50 * 16
    cifg = CifgSettings(kind="cifg", layers=1, hidden=16, projection=8)
    assert products(cifg, 50) == 2 * 3 * 16 * 8 + 8 * 16 + 50 * 8
