import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.streams import stream, stream_key

keys = st.tuples(st.integers(0, 9), st.text(max_size=3), st.lists(st.integers(0, 9) | st.text(max_size=3), max_size=3))


@given(first=keys, second=keys)
def test_different_keys_are_different_streams(first, second):
    ids = [stream_key(seed, purpose, *rest) for seed, purpose, rest in (first, second)]
    assert (ids[0] == ids[1]) == (first == second)


def test_streams_never_change():
    # golden: a changed value here changes every result of the project
    assert stream(0, "cohort", 0).integers(1_000_000, size=3).tolist() == [994414, 129663, 182748]


def test_streams_look_independent():
    draws = np.stack([stream(0, "test", n).standard_normal(20_000) for n in range(4)])
    assert np.abs(np.corrcoef(draws) - np.eye(4)).max() < 0.03
