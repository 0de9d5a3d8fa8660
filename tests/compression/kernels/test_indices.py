import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.compression.kernels.indices import pack_indices, unpack_indices
from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream

BYTES = st.binary(max_size=80).map(lambda data: np.frombuffer(data, np.uint8))
SUBSETS = st.sets(st.integers(0, 2**32 - 1) | st.integers(0, 400), max_size=200).map(
    lambda chosen: np.array(sorted(chosen), np.uint32)
)


def plain_rice(indices, r):
    gaps = np.diff(indices.astype(np.int64), prepend=-1) - 1
    unary = [bit for gap in gaps for bit in [0] * (gap >> r) + [1]]
    low = np.packbits(np.array([gap >> bit & 1 for gap in gaps for bit in range(r)], np.uint8), bitorder="little")
    return np.concatenate([[r], low, np.packbits(unary, bitorder="little")]).astype(np.uint8)


@given(SUBSETS)
def test_indices(indices):
    packed = pack_indices(indices)
    n = int(indices[-1]) + 1 if len(indices) else 0
    restored = unpack_indices(packed, len(indices), n)
    assert restored.dtype == np.uint32
    np.testing.assert_array_equal(restored, indices)
    with pytest.raises(PrivatuneError, match="damaged"):
        unpack_indices(packed, len(indices), n - 1)


@given(st.sets(st.integers(0, 3000), min_size=1, max_size=200))
def test_indices_are_the_shortest_rice_codes(chosen):
    indices = np.array(sorted(chosen), np.uint32)
    packed = pack_indices(indices)
    np.testing.assert_array_equal(packed, plain_rice(indices, int(packed[0])))
    assert len(packed) <= min(len(plain_rice(indices, r)) for r in range(14)) + 1  # two streams are rounded up to bytes


@pytest.mark.parametrize("share", [0.0001, 0.0005, 0.001, 0.0014, 0.01, 0.1, 0.25, 1 / 3])
def test_indices_of_random_subsets_are_near_their_entropy(share):
    indices = np.flatnonzero(stream(0, "subset").random(2_000_000) < share).astype(np.uint32)
    entropy = -np.log2(share) - (1 - share) / share * np.log2(1 - share)
    bits = 8 * len(pack_indices(indices)) / len(indices)
    # a subset of 200 is not quite as large as the share says
    assert bits < entropy + 0.1 + 4 / np.sqrt(len(indices))


@given(BYTES | SUBSETS.map(pack_indices), st.integers(0, 700), st.integers(0, 2**33), st.data())
def test_any_bytes_are_indices_or_refused(packed, count, n, data):
    packed = packed.copy()
    if len(packed) and data.draw(st.booleans()):
        packed[data.draw(st.integers(0, len(packed) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    try:
        indices = unpack_indices(packed, count, n)
    except PrivatuneError:
        return
    assert len(indices) == count
    assert (np.diff(indices.astype(np.int64)) > 0).all()
    assert not count or indices[-1] < n
    if count:
        np.testing.assert_array_equal(plain_rice(indices, int(packed[0])), packed)


def test_what_is_missing_or_too_much_is_refused():
    indices = np.flatnonzero(stream(0, "subset").random(5000) < 0.01).astype(np.uint32)
    packed = pack_indices(indices)
    count = len(indices)
    for damaged in (
        packed[:-1],
        packed[:1],
        packed[:0],
        np.append(packed, np.uint8(0)),
        np.append(packed, np.uint8(1)),
    ):
        with pytest.raises(PrivatuneError, match="damaged"):
            unpack_indices(damaged, count, 5000)
    for wrong, n in ((count - 1, 5000), (count + 1, 5000), (count, count - 1), (2**32, 2**32), (5000, 2**40), (-1, 9)):
        with pytest.raises(PrivatuneError, match="damaged"):
            unpack_indices(packed, wrong, n)
    with pytest.raises(PrivatuneError, match="damaged"):
        unpack_indices(packed, 0, 5000)


def test_wrong_indices_are_refused():
    for wrong in ([1, 1], [2, 1]):
        with pytest.raises(ValueError, match="ascending"):
            pack_indices(np.array(wrong, np.uint32))
    with pytest.raises(ValueError, match="uint32"):
        pack_indices(np.array([1, 2]))
