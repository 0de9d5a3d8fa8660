import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from privatune.compression.kernels import packing
from privatune.compression.kernels.quantisation import bucket_norms, quantise
from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream

VALUES = arrays(np.float32, st.integers(0, 300), elements=st.floats(width=32, allow_nan=False, allow_infinity=False))
TERNARY = arrays(np.int8, st.integers(0, 300), elements=st.integers(-1, 1))
BYTES = st.binary(max_size=80).map(lambda data: np.frombuffer(data, np.uint8))


def bits_of(numbers, width):
    """All bits of each number, lowest first, one after the other, as bytes."""
    bits = [int(number) >> bit & 1 for number in numbers for bit in range(width)]
    return np.packbits(np.array(bits, np.uint8), bitorder="little")


@given(VALUES)
def test_signs(values):
    expected = np.packbits(values < 0, bitorder="little")
    for threads in (1, 2, 5):
        packed = packing.pack_signs(values, threads)
        np.testing.assert_array_equal(packed, expected)
        restored = packing.unpack_signs(packed, len(values), threads)
        assert restored.dtype == np.float32
        np.testing.assert_array_equal(restored, np.where(values < 0, -1, 1))


@given(TERNARY)
def test_ternary(codes):
    padded = np.full(-(-len(codes) // 5) * 5, -1)
    padded[: len(codes)] = codes
    expected = (padded.reshape(-1, 5) + 1) @ [1, 3, 9, 27, 81]
    for threads in (1, 2, 5):
        packed = packing.pack_ternary(codes, threads)
        assert packed.dtype == np.uint8
        np.testing.assert_array_equal(packed, expected)
        restored = packing.unpack_ternary(packed, len(codes), threads)
        assert restored.dtype == np.int8
        np.testing.assert_array_equal(restored, codes)


@given(st.integers(1, 32), st.integers(0, 200), st.integers(0))
def test_bits(width, size, seed):
    codes = stream(seed, "codes").integers(0, 1 << width, size, np.uint64).astype(np.uint32)
    expected = bits_of(codes, width)
    for threads in (1, 2, 3):
        packed = packing.pack_bits(codes, width, threads)
        assert packed.dtype == np.uint8
        np.testing.assert_array_equal(packed, expected)
        restored = packing.unpack_bits(packed, size, width, threads)
        assert restored.dtype == np.uint32
        np.testing.assert_array_equal(restored, codes)
    if width <= 8:
        np.testing.assert_array_equal(packing.pack_bits(codes.astype(np.uint8), width), expected)


@given(VALUES, st.integers(1, 127), st.integers(0, 2**128 - 1))
def test_levels(values, levels, key):
    values = np.clip(values, -1e18, 1e18)
    norms = bucket_norms(values, 37, "l2")
    codes = quantise(values, norms, 37, levels, key)
    packed = packing.encode_levels(values, norms, 37, levels, key)
    np.testing.assert_array_equal(packed, bits_of(codes, (2 * levels).bit_length()))
    np.testing.assert_array_equal(packing.encode_levels(values, norms, 37, levels, key, 3), packed)
    restored = packing.unpack_levels(packed, len(codes), levels)
    assert restored.dtype == np.int8
    np.testing.assert_array_equal(restored, codes)


def test_every_level_survives():
    for levels in range(1, 128):
        width = (2 * levels).bit_length()
        codes = np.arange(-levels, levels + 1)
        np.testing.assert_array_equal(packing.unpack_levels(bits_of(codes, width), len(codes), levels), codes)
        for code in set(range(-(1 << width - 1), 1 << width - 1)) - set(codes.tolist()):
            with pytest.raises(PrivatuneError, match=f"outside of -{levels} to {levels}"):
                packing.unpack_levels(bits_of([code], width), 1, levels)


@given(BYTES, st.integers(0, 700), st.integers(1, 32), st.integers(1, 127))
def test_any_bytes_are_unpacked_or_refused(packed, n, width, levels):
    for unpack, pack in (
        (lambda: packing.unpack_signs(packed, n), packing.pack_signs),
        (lambda: packing.unpack_ternary(packed, n), packing.pack_ternary),
        (lambda: packing.unpack_bits(packed, n, width), lambda codes: packing.pack_bits(codes, width)),
        (lambda: packing.unpack_levels(packed, n, levels), lambda codes: bits_of(codes, (2 * levels).bit_length())),
    ):
        try:
            codes = unpack()
        except PrivatuneError:
            continue
        assert len(codes) == n
        np.testing.assert_array_equal(pack(codes), packed)


def test_wrong_lengths_are_refused():
    for n in (0, 39, 40, 49, 2**62):
        with pytest.raises(PrivatuneError, match="damaged"):
            packing.unpack_bits(np.zeros(6, np.uint8), n, 1)
    for n in (2**62, 49, 39):
        with pytest.raises(PrivatuneError, match="damaged"):
            packing.unpack_signs(np.zeros(6, np.uint8), n)


def test_set_padding_and_impossible_bytes_are_refused():
    with pytest.raises(PrivatuneError, match="last sign"):
        packing.unpack_signs(np.array([8], np.uint8), 3)
    with pytest.raises(PrivatuneError, match="last code"):
        packing.unpack_bits(np.array([64], np.uint8), 2, 3)
    with pytest.raises(PrivatuneError, match="byte 243"):
        packing.unpack_ternary(np.array([243], np.uint8), 5)
    with pytest.raises(PrivatuneError, match="last ternary"):
        packing.unpack_ternary(np.array([27], np.uint8), 3)


def test_wrong_codes_are_refused():
    for code in (2, -2, -128, 127):
        with pytest.raises(ValueError, match="-1, 0 and 1"):
            packing.pack_ternary(np.array([0] * 7 + [code], np.int8))
        with pytest.raises(ValueError, match="-1, 0 and 1"):
            packing.pack_ternary(np.array([code] + [0] * 7, np.int8))
    with pytest.raises(ValueError, match="more than 3 bits"):
        packing.pack_bits(np.array([8], np.uint8), 3)
    for width in (0, 33):
        with pytest.raises(ValueError, match="width"):
            packing.pack_bits(np.zeros(1, np.uint32), width)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 7, 16])
def test_signs_of_nan_and_infinity_are_refused(bad, place):
    values = np.zeros(17, np.float32)
    values[place] = bad
    with pytest.raises(PrivatuneError, match="NaN or infinity"):
        packing.pack_signs(values)


def test_negative_zero_is_positive():
    assert packing.pack_signs(np.array([-0.0, 0.0, -1e-45, 1], np.float32)).tolist() == [4]
