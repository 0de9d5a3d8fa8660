import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from privatune.core import tensors
from privatune.core.errors import PrivatuneError
from privatune.core.tensors import load_tensors, map_tensors, pack, save_tensors, unpack

arrays = st.dictionaries(
    st.text("abc.", min_size=1, max_size=4),
    hnp.arrays(
        st.sampled_from([np.float32, np.uint16, np.int64]),
        hnp.array_shapes(max_dims=2, max_side=4),
        elements=st.integers(0, 9),
    ),
    max_size=3,
)


@given(arrays)
def test_what_is_packed_comes_back_and_equal_input_gives_equal_bytes(named):
    data = pack(named, {"step": 3})
    found, about = unpack(data)
    assert about == {"step": 3}
    assert found.keys() == named.keys()
    for name, array in named.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    assert pack(dict(reversed(named.items())), {"step": 3}) == data


@pytest.mark.parametrize("read", [load_tensors, map_tensors])
@given(data=st.data())
def test_any_damage_is_an_error_that_names_the_file(tmp_path_factory, damaged, read, data):
    path = tmp_path_factory.mktemp("tensors") / "m.safetensors"
    path.write_bytes(damaged(data, pack({"a": np.arange(20, dtype=np.float32)}, {"step": 3})))
    with pytest.raises(PrivatuneError, match=r"m\.safetensors: .*delete it and run again"):
        # the one harmless change: white space of the header, which carries nothing
        arrays, about = read(path)
        np.testing.assert_array_equal(arrays["a"], np.arange(20))
        assert about == {"step": 3}
        raise PrivatuneError("m.safetensors: unchanged; delete it and run again")


@pytest.mark.parametrize("read", [load_tensors, map_tensors])
def test_a_missing_file_is_named(tmp_path, read):
    with pytest.raises(PrivatuneError, match=r"m\.safetensors: cannot be read .*run again"):
        read(tmp_path / "m.safetensors")


@pytest.mark.parametrize("block", [1, 100, 1 << 20])
def test_a_large_file_is_verified_block_by_block(tmp_path, monkeypatch, block):
    monkeypatch.setattr(tensors, "_BLOCK", block)
    path = tmp_path / "m.safetensors"
    save_tensors(path, {"a": np.arange(300), "b": np.ones((2, 3), np.uint8)})
    np.testing.assert_array_equal(map_tensors(path)[0]["a"], np.arange(300))
    path.write_bytes(path.read_bytes()[:-1] + b"\x02")  # the last byte of `b`, which lies behind the wider `a`
    with pytest.raises(PrivatuneError, match="does not match its checksum"):
        map_tensors(path)


def test_arrays_of_their_own_can_be_changed(tmp_path):
    arrays = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.arange(3, dtype=np.uint16),
        "c": np.ones((0, 2)),
    }
    save_tensors(tmp_path / "t", arrays | {"c": arrays["c"].astype(np.float32)}, {"x": 1})
    own, about = map_tensors(tmp_path / "t", own=True)
    assert about == {"x": 1} and all(np.array_equal(own[name], arrays[name]) for name in arrays)
    own["a"][0, 0] = 9
    assert map_tensors(tmp_path / "t")[0]["a"][0, 0] == 0
