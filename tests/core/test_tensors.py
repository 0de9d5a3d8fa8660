import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import pack, unpack

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
def test_what_is_packed_comes_back_and_equal_input_gives_equal_bytes(tensors):
    data = pack(tensors, {"step": 3})
    found, about = unpack(data)
    assert about == {"step": 3}
    assert found.keys() == tensors.keys()
    for name, array in tensors.items():
        np.testing.assert_array_equal(found[name], array)
        assert found[name].dtype == array.dtype
    assert pack(dict(reversed(tensors.items())), {"step": 3}) == data


@given(data=st.data())
def test_any_damage_is_an_error_that_names_the_file(data):
    whole = bytearray(pack({"a": np.arange(20, dtype=np.float32)}, {"step": 3}))
    where = data.draw(st.integers(0, len(whole) - 1))
    if data.draw(st.booleans()):
        whole = whole[:where]
    else:
        whole[where] ^= data.draw(st.integers(1, 255))
    with pytest.raises(PrivatuneError, match=r"m\.safetensors"):
        arrays, about = unpack(bytes(whole), "m.safetensors")
        # the one harmless change: white space of the header, which carries nothing
        np.testing.assert_array_equal(arrays["a"], np.arange(20))
        assert about == {"step": 3}
        raise PrivatuneError("m.safetensors: unchanged")
