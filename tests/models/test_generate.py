import numpy as np
import torch

from privatune.core.streams import stream
from privatune.models.generate import draw_words, generate
from privatune.models.network import initial_weights
from privatune.models.settings import LstmSettings
from privatune.text.settings import UNK

WEIGHTS = initial_weights(LstmSettings(hidden=8), 12, stream(0, "w"))


def test_words_are_drawn_with_their_probabilities():
    probabilities = torch.tensor([0.5, 0.0, 0.25, 0.2, 0.05])
    count = 40_000
    uniforms = torch.from_numpy(stream(0, "u").random(count))
    drawn = draw_words(probabilities.log().expand(count, 5), uniforms)
    shares = np.bincount(drawn.numpy(), minlength=5) / count
    assert shares[1] == 0
    np.testing.assert_allclose(shares, probabilities, atol=4 * np.sqrt(0.25 / count))


def test_the_ends_of_the_unit_interval_draw_words_that_are_possible():
    logits = torch.tensor([[-torch.inf, 0.0, 0.0, -torch.inf]])
    for uniform in (0.0, 0.499, 0.501, np.nextafter(1.0, 0.0)):
        assert draw_words(logits, torch.tensor([uniform], dtype=torch.float64)).item() in (1, 2)


def test_text_follows_the_model_and_its_stream():
    biased = {**WEIGHTS, "output.bias": WEIGHTS["output.bias"] + torch.eye(12)[5] * 20}
    assert (generate(biased, 30, 4, stream(0, "g")) == 5).mean() > 0.95
    first, again, other = (generate(WEIGHTS, 500, 4, stream(seed, "g")) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert len(first) == 500
    assert UNK not in first
    assert set(first.tolist()) == set(range(1, 12))
