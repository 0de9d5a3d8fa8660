"""The CIFG-LSTM against the cell written out, and its written-out gradients against finite differences."""

import numpy as np
import pytest
import torch

from privatune.core.streams import stream
from privatune.models.cifg import hidden_states, initial_weights, zero_state
from privatune.models.settings import CifgSettings

SMALL = CifgSettings(kind="cifg", layers=2, hidden=12, projection=8)


def normal(seed, *shape, dtype=np.float32):
    return torch.from_numpy(stream(seed, "test").standard_normal(shape).astype(dtype))


def naive_cifg(weights, embedded, layers):
    """Ramaswamy et al. (2020), one word at a time: i = 1 - f, and the projected output is what the next step reads."""
    w = {name: weight.numpy().astype(np.float64) for name, weight in weights.items()}
    output = embedded.numpy().astype(np.float64)
    for layer in range(layers):
        to_gates, recurrent, bias, projection = (
            w[f"cifg.{layer}.{part}"] for part in ("input", "recurrent", "bias", "projection")
        )
        h, c = np.zeros(projection.shape[0]), np.zeros(projection.shape[1])
        h, c = np.tile(h, (embedded.shape[1], 1)), np.tile(c, (embedded.shape[1], 1))
        steps = []
        for word in output:
            forget, out, cell = np.split(word @ to_gates.T + h @ recurrent.T + bias, 3, axis=1)
            f, o = 1 / (1 + np.exp(-forget)), 1 / (1 + np.exp(-out))
            c = f * c + (1 - f) * np.tanh(cell)
            h = (o * np.tanh(c)) @ projection.T
            steps.append(h)
        output = np.stack(steps)
    return output, c


@pytest.mark.parametrize("layers", [1, 2])
def test_layers_equal_the_cell_written_out(layers):
    weights = initial_weights(SMALL.model_copy(update={"layers": layers}), 20, stream(0, "test"))
    weights = {name: 2 * weight for name, weight in weights.items()}  # far from where everything is linear
    embedded = normal(1, 6, 3, 8)
    output, state = hidden_states(weights, embedded, zero_state(weights, 3))
    expected, cells = naive_cifg(weights, embedded, layers)
    np.testing.assert_allclose(output, expected, atol=2e-5)
    np.testing.assert_allclose(state[-1][1][0], cells, atol=2e-5)
    assert torch.equal(state[-1][0][0], output[-1])


def test_gradients_equal_finite_differences():
    weights = initial_weights(CifgSettings(kind="cifg", hidden=9, projection=8), 5, stream(0, "test"))
    names = [name for name in weights if name.startswith("cifg.")]
    leaves = [(3 * weights[name]).double().requires_grad_() for name in names]
    arguments = [normal(n, *shape, dtype=np.float64) for n, shape in enumerate([(3, 2, 8), (1, 2, 8), (1, 2, 9)])]

    def whole(embedded, h, c, *parameters):
        output, ((last, cell),) = hidden_states(dict(zip(names, parameters, strict=True)), embedded, ((h, c),))
        return output, last, cell

    assert torch.autograd.gradcheck(whole, [*(a.requires_grad_() for a in arguments), *leaves])


def test_state_carries_over_windows():
    weights = initial_weights(SMALL, 20, stream(0, "test"))
    embedded = normal(1, 6, 2, 8)
    whole, end = hidden_states(weights, embedded, zero_state(weights, 2))
    first, state = hidden_states(weights, embedded[:4], zero_state(weights, 2))
    second, after = hidden_states(weights, embedded[4:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(after, end)


def test_masks_drop_inputs_and_outputs_of_each_layer():
    weights = initial_weights(SMALL, 20, stream(0, "test"))
    embedded, ones = normal(1, 4, 2, 8), torch.ones(3, 4, 2, 8)
    whole, _ = hidden_states(weights, embedded, zero_state(weights, 2))
    same, _ = hidden_states(weights, embedded, zero_state(weights, 2), ones)
    torch.testing.assert_close(same, whole)
    for layer in range(2):
        masks = ones.clone()
        masks[layer] = 0
        deaf, _ = hidden_states(weights, embedded, zero_state(weights, 2), masks)
        assert torch.equal(deaf[:, 0], deaf[:, 1]), "nothing of the text comes through"
    masks = ones.clone()
    masks[2, :, :, 3] = 2
    doubled, _ = hidden_states(weights, embedded, zero_state(weights, 2), masks)
    torch.testing.assert_close(doubled, whole * masks[2])


def test_bfloat16_is_near_float32():
    weights = initial_weights(SMALL, 20, stream(0, "test"))
    embedded = normal(1, 20, 3, 8)
    exact, _ = hidden_states(weights, embedded, zero_state(weights, 3))
    low = {name: weight.bfloat16() for name, weight in weights.items()}
    output, _ = hidden_states(low, embedded.bfloat16(), zero_state(low, 3))
    assert output.dtype == torch.bfloat16
    assert float((output.float() - exact).norm() / exact.norm()) < 0.02


def test_the_paper_s_model_has_1_4_million_parameters():
    """Ramaswamy et al. (2020): 10,000 words, 96, 670; 960,000 of the embedding, 10,000 of the output's bias."""
    weights = initial_weights(CifgSettings(kind="cifg"), 10_000, stream(0, "test"))
    count = sum(weight.numel() for weight in weights.values())
    assert count == 960_000 + 10_000 + 2 * 3 * 670 * 96 + 3 * 670 + 670 * 96 == 1_422_250
    assert 1.3 <= round(count / 1e6, 1) <= 1.4
