"""Models inside a process: what they hold is what their file holds, and their length is the file's."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from privatune.core.errors import PrivatuneError
from privatune.core.tensors import pack
from privatune.models.arrays import read_model, write_model

SHAPES = {"embedding": (5, 3), "output.bias": (5,)}
ABOUT = {"model": {"kind": "lstm"}}
floats = st.floats(width=32, allow_nan=False)
values = st.fixed_dictionaries({name: hnp.arrays(np.float32, shape, elements=floats) for name, shape in SHAPES.items()})


@given(values, values)
def test_a_models_length_is_that_of_its_bytes_whatever_its_values(tmp_path_factory, first, second):
    path = tmp_path_factory.mktemp("models") / "m.safetensors"
    path.write_bytes(pack(first, ABOUT))
    model = read_model(path)
    assert pack(model.arrays, model.about) == path.read_bytes() and model.length == len(path.read_bytes())
    trained = model.with_values(second)
    write_model(path, trained)
    assert path.read_bytes() == pack(second, ABOUT) and trained.length == len(path.read_bytes())


@given(data=st.data())
def test_any_damage_is_an_error_that_names_the_file(tmp_path_factory, damaged, data):
    path = tmp_path_factory.mktemp("models") / "m.safetensors"
    path.write_bytes(damaged(data, pack({"a": np.arange(20, dtype=np.float32)}, ABOUT)))
    with pytest.raises(PrivatuneError, match=r"m\.safetensors: .*delete it and run again"):
        model = read_model(path)
        # the one harmless change: white space of the header, which carries nothing
        np.testing.assert_array_equal(model.arrays["a"], np.arange(20))
        assert model.about == ABOUT
        raise PrivatuneError("m.safetensors: unchanged; delete it and run again")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PrivatuneError, match=r"m\.safetensors: cannot be read .*run again"):
        read_model(tmp_path / "m.safetensors")
