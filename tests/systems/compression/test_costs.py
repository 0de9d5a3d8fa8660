"""What a codec takes, measured on a small model."""

import numpy as np

from privatune.compression.settings import DenseSettings
from privatune.core.settings import CohortSettings
from privatune.core.streams import stream
from privatune.federation.settings import ClientSettings
from privatune.models.network import initial_weights
from privatune.models.settings import LstmSettings, NumericsSettings
from privatune.systems.compression.costs import codec_cost
from privatune.systems.compression.methods import Choice

WORDS = 40


def test_a_cost_is_of_one_update_of_the_model():
    weights = initial_weights(LstmSettings(layers=1, hidden=8), WORDS, stream(0, "weights"))
    model = {name: weight.numpy() for name, weight in weights.items()}
    before = {name: weight.copy() for name, weight in model.items()}
    texts = [stream(0, "text", device).integers(0, WORDS, 60) for device in range(3)]
    choice = Choice(
        mode="gradient",
        codec=DenseSettings(),
        down="dense",
        learning_rate=0.5,
        final_rate=0.1,
        averaged=0.1,
        download=DenseSettings(),
        memory="device",
        client=ClientSettings(minibatch=2, bptt=5),
        cohort=CohortSettings(size=3, rounds=1),
    )
    cost = codec_cost(model, texts, choice, NumericsSettings())
    values = sum(weight.size for weight in model.values())
    assert cost["values"] == values and 0 < cost["payload_bytes"] - 4 * values < 400, "a header and the values"
    assert cost["encode_ms"] > 0 and cost["decode_ms"] > 0
    for name, weight in before.items():
        np.testing.assert_array_equal(model[name], weight)
