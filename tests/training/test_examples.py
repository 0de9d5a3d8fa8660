import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.tensors import save_tensors
from privatune.training.examples import Examples, minibatches, read_examples

LENGTHS = np.array([3, 1, 5, 2, 2, 4, 1])
OFFSETS = np.concatenate([[0], np.cumsum(LENGTHS)])
LABELS = np.arange(7) % 3
PART = np.array([0, 0, 1, 0, 2, 0, 0], np.uint8)
IDS = np.arange(100, 100 + LENGTHS.sum(), dtype=np.uint32)
STATES = torch.arange(LENGTHS.sum() * 4).reshape(-1, 4).bfloat16()
BITS = STATES.view(torch.int16).numpy().view(np.uint16)


def whole(values):
    return Examples(values, OFFSETS[:-1], LENGTHS, LABELS)


@given(st.lists(st.integers(0, 6)), st.integers(1, 20))
def test_every_drawn_example_is_in_one_minibatch_with_its_tokens(drawn, most):
    indices, found = np.array(drawn, np.int64), []
    for inputs, mask, labels in minibatches(whole(IDS), indices, most):
        assert inputs.dtype == torch.int64 and mask.dtype == torch.bool and inputs.shape == mask.shape
        assert inputs.numel() <= most or len(inputs) == 1
        assert mask.any(0).all(), "no column is padding alone"
        assert not inputs[~mask].any() and bool((mask[:, :-1] >= mask[:, 1:]).all()), "padding is zero, on the right"
        found += [
            (tuple(row[real].tolist()), int(label)) for row, real, label in zip(inputs, mask, labels, strict=True)
        ]
    expected = [(tuple(IDS[OFFSETS[i] : OFFSETS[i + 1]].tolist()), int(LABELS[i])) for i in drawn]
    assert sorted(found) == sorted(expected)
    assert [len(ids) for ids, _ in found] == sorted((len(ids) for ids, _ in found), reverse=True)


def test_states_are_read_back_from_their_bits():
    (inputs, mask, _), *more = minibatches(whole(BITS), np.array([3, 0]), 100)
    assert not more and inputs.dtype == torch.float32 and inputs.shape == (2, 3, 4)
    assert torch.equal(inputs[0], STATES[:3].float()) and torch.equal(inputs[1, :2], STATES[9:11].float())
    assert not inputs[1, 2].any() and mask.tolist() == [[True, True, True], [True, True, False]]


def test_vectors_are_rows():
    vectors = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    examples = Examples(vectors, np.arange(7), np.ones(7, np.int64), LABELS)
    batches = list(minibatches(examples, np.array([6, 2, 4]), 2))
    assert [inputs.shape for inputs, *_ in batches] == [(2, 4), (1, 4)]
    assert np.array_equal(torch.cat([inputs for inputs, *_ in batches]).numpy(), vectors[[6, 2, 4]])


def test_an_empty_draw_yields_nothing():
    assert list(minibatches(whole(IDS), np.array([], np.int64), 8)) == []


@pytest.mark.parametrize(("name", "values"), [("ids", IDS), ("states", BITS), ("vectors", None)])
def test_a_file_is_read_part_by_part(name, values, tmp_path):
    arrays = {"labels": LABELS, "part": PART}
    if values is None:
        arrays["vectors"] = np.arange(28, dtype=np.float32).reshape(7, 4)
    else:
        arrays |= {name: values, "offsets": OFFSETS}
    save_tensors(tmp_path / "f.safetensors", arrays)
    train, validation, test = (read_examples(tmp_path / "f.safetensors", p) for p in ("train", "validation", "test"))
    assert [part.labels.tolist() for part in (train, validation, test)] == [[0, 1, 0, 2, 0], [2], [1]]
    ((inputs, mask, labels),) = minibatches(validation, np.array([0]), 100)
    assert labels.tolist() == [2]
    if name == "ids":
        assert inputs[0].tolist() == IDS[4:9].tolist() and mask.all()
    if name == "vectors":
        assert inputs.tolist() == [[8.0, 9.0, 10.0, 11.0]]
