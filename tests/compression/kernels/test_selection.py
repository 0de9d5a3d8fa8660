import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from privatune.compression.kernels import selection
from privatune.compression.kernels.selection import above, top_k
from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream

FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False)
# few different values, so that there are ties, of both signs, denormal and at the ends of the range
TIED = st.sampled_from([0.0, -0.0, 1.0, -1.0, 1e-45, -1e-45, 1.1754944e-38, 3.4028235e38, -3.4028235e38, 2.0])
VECTORS = st.integers(0, 300).flatmap(
    lambda size: st.one_of(arrays(np.float32, size, elements=FINITE), arrays(np.float32, size, elements=TIED))
)


def plain_top_k(values, k):
    return np.sort(np.argsort(-np.abs(values), kind="stable")[:k]).astype(np.uint32)


def normal(size):
    return stream(0, "selection").standard_normal(size, np.float32)


@given(VECTORS, st.data())
def test_top_k_is_that_of_a_stable_sort(values, data):
    k = data.draw(st.integers(0, len(values)))
    for threads in (1, 2, 5):
        found = top_k(values, k, threads)
        assert found.dtype == np.uint32
        np.testing.assert_array_equal(found, plain_top_k(values, k))


@given(VECTORS, st.data())
def test_passes_over_all_values_find_the_same(values, data):
    if len(values):
        k = data.draw(st.integers(1, len(values)))
        for threads in (1, 2, 5):
            found = selection._largest(values.view(np.uint32), k, threads)
            np.testing.assert_array_equal(found, plain_top_k(values, k))


@given(VECTORS, st.floats(0, 2.0**127, width=32))
def test_above_is_a_comparison(values, threshold):
    for threads in (1, 2, 5):
        found = above(values, threshold, threads)
        assert found.dtype == np.uint32
        np.testing.assert_array_equal(found, np.flatnonzero(np.abs(values) > np.float32(threshold)))


SIZE = 200_003
LONG = {
    "normal": normal(SIZE),
    "equal": np.full(SIZE, -2, np.float32),
    "zero": np.zeros(SIZE, np.float32),
    "mostly zero": np.where(np.arange(SIZE) % 977 < 3, normal(SIZE), np.float32(0)),
    "denormal": normal(SIZE) * np.float32(1e-41),
    "few values": np.round(normal(SIZE)),
    # the large ones stand together: a sample does not tell of them, and one thread has them all
    "large at the end": np.where(np.arange(SIZE) > SIZE - 500, normal(SIZE) * 1000, normal(SIZE)).astype(np.float32),
    "growing": np.arange(SIZE, dtype=np.float32),
    # what the sample sees is small, or large
    "seen small": np.where(np.arange(SIZE) % (SIZE // (1 << 15) | 1), normal(SIZE), 0).astype(np.float32),
    "seen large": np.where(np.arange(SIZE) % (SIZE // (1 << 15) | 1), normal(SIZE), 9).astype(np.float32),
}


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("k", [0, 1, 200, 20_000, SIZE // 2, SIZE])
def test_long_vectors_whatever_their_distribution(name, k):
    values = LONG[name]
    expected = plain_top_k(values, k)
    for threads in (1, 2, 3):
        np.testing.assert_array_equal(top_k(values, k, threads), expected)
    if k:
        np.testing.assert_array_equal(selection._largest(values.view(np.uint32), k, 3), expected)


@pytest.mark.parametrize("name", LONG)
@pytest.mark.parametrize("threshold", [0, 1e-45, 1.0, 1.9999999, 2.0, 3.3])
def test_above_on_long_vectors(name, threshold):
    expected = np.flatnonzero(np.abs(LONG[name]) > np.float32(threshold))
    for threads in (1, 2, 3):
        np.testing.assert_array_equal(above(LONG[name], threshold, threads), expected)


@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 1000, SIZE - 1])
@pytest.mark.parametrize("name", ["normal", "equal", "zero"])
def test_nan_and_infinity_are_refused_wherever_they_are(bad, place, name):
    values = LONG[name].copy()
    values[place] = bad
    for k in (0, 1, 200, SIZE - 1, SIZE):
        with pytest.raises(PrivatuneError, match="NaN or infinity"):
            top_k(values, k, 2)
    for threshold in (0, 1, 1e30):
        with pytest.raises(PrivatuneError, match="NaN or infinity"):
            above(values, threshold)


def test_what_cannot_be_chosen_is_refused():
    for k in (-1, 4):
        with pytest.raises(PrivatuneError, match="of 3 values"):
            top_k(normal(3), k)
    for threshold in (-1.0, np.nan, np.inf, 1e39):
        with pytest.raises(PrivatuneError, match="threshold"):
            above(normal(3), threshold)
    for wrong in (np.zeros(3), np.zeros((3, 3), np.float32), np.zeros(6, np.float32)[::2]):
        with pytest.raises(ValueError, match="float32"):
            top_k(wrong, 1)
