"""Weights come back bit by bit, and what has many zeros takes fewer bytes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream
from privatune.core.tensors import load_tensors, save_tensors
from privatune.export.classifiers.sparse_file import load_weights, save_weights

# NaN with a payload, both zeros, infinities and the smallest magnitudes are among these bits
SPECIAL = [0, 0, 0, 0, 1 << 31, 0x7FC00001, 0xFF800000, 1, 0x3F800000]
BITS = arrays(
    np.uint32, array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=9), elements=st.sampled_from(SPECIAL)
)


@given(bits=st.dictionaries(st.sampled_from(["a", "b", "head.weight"]), BITS, max_size=3))
def test_weights_come_back_bit_by_bit(tmp_path_factory, bits):
    path = tmp_path_factory.getbasetemp() / "weights.safetensors"
    save_weights(path, {name: value.view(np.float32) for name, value in bits.items()}, {"classes": ["x"]})
    read = load_weights(path)
    assert read.keys() == bits.keys()
    for name, value in bits.items():
        assert read[name].dtype == np.float32 and read[name].shape == value.shape
        assert np.array_equal(read[name].view(np.uint32), value)


def test_the_smaller_form_is_taken(tmp_path):
    rng = stream(0, "weights")
    dense = rng.standard_normal((40, 80)).astype(np.float32)
    half = np.where(rng.random((40, 80)) < 0.5, 0, dense).astype(np.float32)
    few = dense.copy()
    few[0, :60] = 0  # 60 zeros of 3200 save 240 bytes, but a mask takes 400
    path = tmp_path / "weights.safetensors"
    assert not save_weights(path, {"dense": dense, "few": few}, {})
    whole = path.stat().st_size
    assert save_weights(path, {"dense": dense, "few": few, "half": half}, {"set": "trec"})
    stored, about = load_tensors(path)
    assert about == {"set": "trec", "sparse": {"half": [40, 80]}}
    assert stored.keys() == {"dense", "few", "half.mask", "half.values"}
    assert stored["half.mask"].nbytes == 400 and stored["half.values"].nbytes == 4 * np.count_nonzero(half)
    assert path.stat().st_size - whole < 0.6 * half.nbytes
    bits = [stored["half.mask"][i // 8] >> (i % 8) & 1 for i in range(half.size)]  # slow and obvious
    assert bits == (half != 0).reshape(-1).tolist()


@pytest.mark.parametrize("about", [{}, {"sparse": ["a"]}, {"sparse": {"a": [4]}}, {"sparse": {"b": [2, 2]}}])
def test_another_file_is_refused_in_one_line(tmp_path, about):
    path = tmp_path / "weights.safetensors"
    values = np.ones(3, np.float32)
    save_tensors(path, {"a.mask": np.array([3], np.uint8), "a.values": values, "b": values}, about)
    with pytest.raises(PrivatuneError, match=r"weights.safetensors: not a file of weights; delete it and run again"):
        load_weights(path)
