import numpy as np
import pytest
import torch

from privatune.core.streams import stream
from privatune.models.lstm import hidden_states, initial_weights, zero_state
from privatune.models.settings import LstmSettings


def naive_lstm(weights, embedded, layers):
    """The cell of Zaremba et al. (2014), one word and one unit of text at a time."""
    time, batch, hidden = embedded.shape
    output = embedded.numpy().astype(np.float64)
    for layer in range(layers):
        w, u, b = (
            weights[f"lstm.{layer}.{part}"].numpy().astype(np.float64) for part in ("input", "recurrent", "bias")
        )
        h, c = np.zeros((batch, hidden)), np.zeros((batch, hidden))
        steps = []
        for t in range(time):
            i, f, g, o = np.split(output[t] @ w.T + h @ u.T + b, 4, axis=1)
            c = c / (1 + np.exp(-f)) + np.tanh(g) / (1 + np.exp(-i))
            h = np.tanh(c) / (1 + np.exp(-o))
            steps.append(h)
        output = np.stack(steps)
    return output


@pytest.mark.parametrize("layers", [1, 2])
def test_layers_equal_the_cell_written_out(layers):
    weights = initial_weights(LstmSettings(layers=layers, hidden=8), 20, stream(0, "test"))
    embedded = torch.from_numpy(stream(1, "test").standard_normal((5, 3, 8)).astype(np.float32))
    output, state = hidden_states(weights, embedded, zero_state(weights, 3))
    np.testing.assert_allclose(output, naive_lstm(weights, embedded, layers), atol=1e-5)
    assert torch.equal(state[-1][0][0], output[-1])


@pytest.mark.parametrize("learning", [True, False])
def test_the_mode_is_that_of_training_where_gradients_are_taken(learning, monkeypatch):
    """A GPU computes gradients only then."""
    modes, lstm = [], torch.lstm
    monkeypatch.setattr(torch, "lstm", lambda *arguments: (modes.append(arguments[6]), lstm(*arguments))[1])
    weights = initial_weights(LstmSettings(layers=2, hidden=8), 20, stream(0, "test"))
    with torch.set_grad_enabled(learning):
        hidden_states(weights, torch.zeros(5, 3, 8), zero_state(weights, 3))
    assert modes == [learning, learning]


def test_state_carries_over_windows():
    weights = initial_weights(LstmSettings(hidden=8), 20, stream(0, "test"))
    embedded = torch.from_numpy(stream(1, "test").standard_normal((6, 2, 8)).astype(np.float32))
    whole, _ = hidden_states(weights, embedded, zero_state(weights, 2))
    first, state = hidden_states(weights, embedded[:4], zero_state(weights, 2))
    second, _ = hidden_states(weights, embedded[4:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole)


def test_untied_models_have_an_output_matrix_and_tied_ones_do_not():
    rng = stream(0, "test")
    assert "output.weight" not in initial_weights(LstmSettings(hidden=8, tied=True), 20, rng)
    assert initial_weights(LstmSettings(hidden=8, tied=False), 20, rng)["output.weight"].shape == (20, 8)
