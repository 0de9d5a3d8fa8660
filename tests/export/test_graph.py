"""Language models as ONNX: what onnxruntime computes from them, in float32 and with 8 bits, against torch."""

import numpy as np
import onnx
import pytest
import torch
from onnx import numpy_helper

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.export.graph import exported, widths
from privatune.export.runtime import running
from privatune.export.small import quantised
from privatune.models.network import hidden_states, logits, output_weight, zero_state

KINDS = ["lstm", "untied", "cifg"]
REMEDY = "leave it out"


def words(time, batch):
    return stream(2, "words").integers(0, 60, (time, batch))


def ours(weights, ids, state=None):
    """Logits [time, batch, vocabulary] and the next state, one array [batch, width] after the other."""
    before = zero_state(weights, ids.shape[1]) if state is None else state
    hidden, after = hidden_states(weights, weights["embedding"][torch.from_numpy(ids)], before)
    scores = logits(weights, hidden.flatten(0, 1)).view(*ids.shape, -1)
    return [scores.numpy(), *(part[0].numpy() for layer in after for part in layer)]


def theirs(call, weights, ids, state=None):
    names = widths(weights)
    before = state or [np.zeros((ids.shape[1], width), np.float32) for width in names.values()]
    inputs = {"words": ids, **dict(zip(names, before, strict=True))}
    return call(["logits", *(f"next_{name}" for name in names)], inputs)


@pytest.mark.parametrize("kind", KINDS)
def test_onnxruntime_gives_the_logits_and_the_state_of_torch(weights, kind):
    w = weights(kind)
    call = running(exported(w), 1, "m.onnx", REMEDY)
    for shape in [(1, 1), (7, 3), (4, 1)]:
        ids = words(*shape)
        for found, expected in zip(theirs(call, w, ids), ours(w, ids), strict=True):
            np.testing.assert_allclose(found, expected, rtol=0, atol=2e-5)
    assert np.abs(expected).max() > 0.3 and ours(w, ids)[0].std() > 0.5, "the test sees something"


@pytest.mark.parametrize("kind", KINDS)
def test_word_by_word_is_the_same_as_all_at_once(weights, kind):
    w = weights(kind)
    call = running(exported(w), 1, "m.onnx", REMEDY)
    ids, state, scores = words(6, 2), None, []
    for row in ids:
        found, *state = theirs(call, w, row[None], state)
        scores.append(found)
    whole, *last = theirs(call, w, ids)
    np.testing.assert_allclose(np.concatenate(scores), whole, rtol=0, atol=1e-5)
    for part, expected in zip(state, last, strict=True):
        np.testing.assert_allclose(part, expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_the_file_is_valid_and_names_what_it_takes_and_gives(weights, kind):
    w = weights(kind)
    model = exported(w)
    assert model == exported(w), "the same bytes"
    graph = onnx.load_from_string(model).graph
    onnx.checker.check_model(onnx.load_from_string(model), full_check=True)
    assert [value.name for value in graph.input] == ["words", *widths(w)]
    assert [value.name for value in graph.output] == ["logits", *(f"next_{name}" for name in widths(w))]
    stored = sum(weight.numel() for weight in w.values())
    gates = 4 * 16 if kind != "cifg" else 0
    layers = len(widths(w)) // 2
    everything = [*graph.initializer, *(i for node in graph.node for a in node.attribute for i in a.g.initializer)]
    floats = sum(numpy_helper.to_array(i).size for i in everything if i.data_type == onnx.TensorProto.FLOAT)
    ones = layers if kind == "cifg" else 0
    assert floats == stored + layers * gates + ones, "the weights once each; ONNX has a second bias for each gate"


def test_states_have_the_width_of_what_they_hold(weights):
    assert widths(weights("cifg")) == {"h0": 16, "c0": 24, "h1": 16, "c1": 24}
    assert widths(weights("lstm")) == {"h0": 16, "c0": 16, "h1": 16, "c1": 16}


@pytest.mark.parametrize("kind", KINDS)
def test_with_8_bits_the_model_is_smaller_and_nearly_the_same(weights, kind, tmp_path, capfd, caplog, recwarn):
    w = weights(kind)
    model = exported(w)
    small = quantised(model, tmp_path / "m.onnx", REMEDY)
    assert small == quantised(model, tmp_path / "m.onnx", REMEDY) and not list(tmp_path.iterdir())
    graph = onnx.load_from_string(small).graph
    everything = [*graph.initializer, *(i for node in graph.node for a in node.attribute for i in a.g.initializer)]
    large = [i for i in everything if np.prod(i.dims) >= 16 * 16]
    assert {i.data_type for i in large} <= {onnx.TensorProto.INT8, onnx.TensorProto.UINT8}, "no matrix keeps its floats"
    assert sum(np.prod(i.dims) for i in large) == sum(part.numel() for part in w.values() if part.ndim == 2)
    ids = words(5, 1)
    found, *state = theirs(running(small, 1, "m.onnx", REMEDY), w, ids)
    expected, *exact = ours(w, ids)
    assert 0 < np.abs(found - expected).max() < 0.3 * expected.std()
    assert all(np.abs(a - b).max() < 0.3 for a, b in zip(state, exact, strict=True))
    assert capfd.readouterr() == ("", "") and not caplog.records and not recwarn


@pytest.mark.parametrize("kind", ["lstm", "cifg"])
def test_a_tied_matrix_is_looked_up_as_it_is_multiplied_with(weights, kind, tmp_path):
    """Each word has a scale of its own, so one large word does not cost the others their digits."""
    w = weights(kind)
    w["embedding"][7] *= 1000
    graph = onnx.load_from_string(quantised(exported(w), tmp_path / "m.onnx", REMEDY)).graph
    held = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    whole = held["output_quantized"].astype(np.float32) * held["output_scale"]
    assert np.abs(held["output_quantized"].astype(int)).max() <= 64 and not held["output_zero_point"].any()
    error = np.abs(whole.T - output_weight(w).numpy()).max(1)
    assert (error <= np.abs(output_weight(w).numpy()).max(1) / 64).all()


def test_a_damaged_model_is_refused_in_one_line(weights, tmp_path):
    model = exported(weights("lstm"))
    with pytest.raises(PrivatuneError, match=r"^m.onnx: onnxruntime cannot read the model \(\w+\); leave it out$"):
        running(model[:-100], 1, "m.onnx", REMEDY)
    call = running(model, 1, "m.onnx", REMEDY)
    with pytest.raises(
        PrivatuneError, match=r"^m.onnx: onnxruntime cannot run the model \(\w+\); leave it out$"
    ) as said:
        theirs(call, weights("lstm"), np.array([[31415]]))
    assert "31415" not in str(said.value)
