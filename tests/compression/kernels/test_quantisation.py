import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from privatune.compression.kernels import quantisation
from privatune.compression.kernels.quantisation import bucket_norms, dequantise, quantise, ternary
from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream, stream_key

KEYS = st.integers(0, 2**128 - 1)
VALUES = arrays(
    np.float32,
    st.integers(0, 700),
    elements=st.floats(-(2.0**60), 2.0**60, width=32) | st.sampled_from([0.0, -0.0, 1e-45]),
)


def plain_philox(counter, key):
    """Philox4x32-10 of one counter [4] and key [2], word by word (Salmon et al., 2011, section 3.3)."""
    c, k = list(counter), list(key)
    for _ in range(10):
        p0, p1 = c[0] * 0xD2511F53, c[2] * 0xCD9E8D57
        c = [p1 >> 32 ^ c[1] ^ k[0], p1 % 2**32, p0 >> 32 ^ c[3] ^ k[1], p0 % 2**32]
        k = [(k[0] + 0x9E3779B9) % 2**32, (k[1] + 0xBB67AE85) % 2**32]
    return c


def plain_words(key, count):
    """Words of the indices from 0 on: index 256 g + 64 w + j has word w of block 64 g + j."""
    words = [key >> 32 * i & 0xFFFFFFFF for i in range(4)]
    found = []
    for i in range(count):
        block = i // 256 * 64 + i % 64
        found.append(plain_philox([block % 2**32, block >> 32, *words[2:]], words[:2])[i % 256 // 64])
    return np.array(found, np.uint32)


def words_of(key, groups, first=0):
    words = np.empty((groups, 256), np.uint32)
    for i, row in enumerate(words):
        quantisation._random_words(quantisation._key_words(key), first + i, row)
    return words.ravel()


def plain_quantise(values, norms, bucket, levels, key):
    norm = np.repeat(norms, bucket)[: len(values)]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        level = np.minimum(np.where(norm > 0, np.abs(values) / norm * np.float32(levels), 0), levels)
    whole = np.floor(level)
    draws = (plain_words(key, len(values)) >> 8) * 2.0**-24
    return (np.sign(values) * (whole + (draws < level - whole))).astype(np.int8)


@pytest.mark.parametrize(
    ("counter", "key", "expected"),
    [  # the known answers of Random123 1.14 (Salmon et al.), tests/kat_vectors, philox4x32 10
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([0xFFFFFFFF] * 4, [0xFFFFFFFF] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_random_words_are_those_of_philox(counter, key, expected):
    assert plain_philox(counter, key) == expected
    block = counter[0] + (counter[1] << 32)
    whole_key = sum(word << 32 * i for i, word in enumerate([*key, *counter[2:]]))
    lane = block % 64
    found = words_of(whole_key, 1, np.uint64(block // 64))
    assert [int(word) for word in found[lane::64]] == expected


def test_random_words_of_each_index():
    key = stream_key(0, "words")
    np.testing.assert_array_equal(words_of(key, 3), plain_words(key, 3 * 256))


def test_words_are_uniform_and_independent_of_their_neighbours():
    key = stream_key(1, "words")
    words = words_of(key, 2000)
    other = words_of(key + 1, 2000)  # a key that differs in one bit
    for bits in (words >> 24, words >> 8 & 255, words & 255):
        assert stats.chisquare(np.bincount(bits, minlength=256)).pvalue > 1e-4
    assert stats.kstest(words / 2**32, "uniform").pvalue > 1e-4
    # pairs fill the squares of a chessboard evenly: neighbours in index, in block, in word, in key
    for left, right in (
        (words[:-1], words[1:]),
        (words[:-64], words[64:]),
        (words[:-256], words[256:]),
        (words, other),
    ):
        cells = np.bincount((left >> 28) * 16 + (right >> 28), minlength=256)
        assert stats.chisquare(cells).pvalue > 1e-4
        assert abs(np.corrcoef(left, right)[0, 1]) < 5 / np.sqrt(len(left))
    # each bit differs between the keys in half of all words
    flips = np.unpackbits((words ^ other).view(np.uint8)).reshape(-1, 32).mean(0)
    assert np.abs(flips - 0.5).max() < 5 * 0.5 / np.sqrt(len(words))


@given(VALUES, st.integers(1, 300), st.integers(1, 127), KEYS, st.sampled_from(["l2", "max"]))
def test_quantise_is_the_plain_one_for_any_number_of_threads(values, bucket, levels, key, kind):
    norms = bucket_norms(values, bucket, kind)
    expected = plain_quantise(values, norms, bucket, levels, key)
    for threads in (1, 2, 3):
        np.testing.assert_array_equal(quantise(values, norms, bucket, levels, key, threads), expected)
    for threads in (1, 3):
        restored = dequantise(expected, norms, bucket, levels, threads)
        plain = expected.astype(np.float32) / np.float32(levels) * np.repeat(norms, bucket)[: len(values)]
        np.testing.assert_array_equal(restored, plain)


@given(VALUES, st.integers(1, 300))
def test_norms_are_those_of_numpy(values, bucket):
    padded = np.zeros(-(-len(values) // bucket) * bucket)
    padded[: len(values)] = values
    rows = padded.reshape(-1, bucket)
    for threads in (1, 2, 3):
        euclidean = bucket_norms(values, bucket, "l2", threads)
        np.testing.assert_allclose(euclidean, np.sqrt((rows**2).sum(1)), 1e-6, 1e-45)
        np.testing.assert_array_equal(bucket_norms(values, bucket, "max", threads), np.abs(rows).max(1, initial=0))
        np.testing.assert_array_equal(euclidean, bucket_norms(values, bucket, "l2"))


@given(VALUES, st.floats(0, 2.0**60, width=32), KEYS)
def test_ternary_is_the_plain_one(values, scale, key):
    expected = plain_quantise(values, np.full(len(values), scale, np.float32), 1, 1, key)
    for threads in (1, 2, 3):
        found = ternary(values, scale, key, threads)
        assert found.dtype == np.int8
        np.testing.assert_array_equal(found, expected)


def test_quantise_and_ternary_are_unbiased():
    values = stream(2, "values").standard_normal(1000, np.float32)
    norms = bucket_norms(values, 100, "max")
    trials = 400
    keys = [stream_key(2, "trial", i) for i in range(trials)]
    for levels in (1, 5, 127):
        draws = np.array([dequantise(quantise(values, norms, 100, levels, key), norms, 100, levels) for key in keys])
        level = np.abs(values) / np.repeat(norms, 100) * levels
        part = level - np.floor(level)
        deviation = np.sqrt(part * (1 - part)) * np.repeat(norms, 100) / levels
        scores = (draws.mean(0) - values)[deviation > 0] / deviation[deviation > 0] * np.sqrt(trials)
        assert abs(scores.mean()) < 4 / np.sqrt(len(scores))
        assert 0.8 < scores.std() < 1.2
    scale = float(np.abs(values).max())
    signs = np.array([ternary(values, scale, key) for key in keys])
    share = np.abs(values) / scale
    scores = (signs.mean(0) - values / scale) / np.sqrt(np.maximum(share * (1 - share) / trials, 1e-12))
    assert abs(scores.mean()) < 4 / np.sqrt(len(scores))


@pytest.mark.parametrize("levels", [1, 7, 127])
def test_whole_levels_stay(levels):
    codes = np.resize(np.arange(-levels, levels + 1), 1000).astype(np.int8)
    for norm in (1.0, 0.37, 1e-38, 3e38):
        norms = np.full(8, norm, np.float32)
        values = (codes.astype(np.float32) / np.float32(levels)).astype(np.float32)
        found = quantise(values, np.ones(8, np.float32), 125, levels, 3)
        assert np.abs(found.astype(int) - codes).max() <= 1  # c / s * s may be rounded
        ends = np.where(codes > 0, norms[0], -norms[0]).astype(np.float32)
        np.testing.assert_array_equal(quantise(ends, norms, 125, levels, 3), np.where(codes > 0, levels, -levels))
        np.testing.assert_array_equal(dequantise(quantise(ends, norms, 125, levels, 3), norms, 125, levels), ends)


def test_the_smallest_draw_rounds_no_whole_level_up():
    key, place = 277, 82167
    assert words_of(key, 1, place // 256)[place % 256] >> 8 == 0
    values = np.zeros(place + 1, np.float32)
    values[::2] = 1
    np.testing.assert_array_equal(quantise(values, np.ones(1, np.float32), 1 << 20, 7, key), 7 * values)


def test_larger_values_than_their_norm_count_as_it_and_a_norm_of_zero_gives_zeros():
    values = np.array([3, -3, 1e30, 1e-45], np.float32)
    np.testing.assert_array_equal(quantise(values, np.array([1, 0], np.float32), 2, 127, 0), [127, -127, 0, 0])
    np.testing.assert_array_equal(quantise(values, np.array([1e-45], np.float32), 4, 127, 0), [127, -127, 127, 127])
    np.testing.assert_array_equal(ternary(values, 0, 0), [0, 0, 0, 0])


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 63, 700])
def test_nan_and_infinity_are_refused(bad, place):
    values = np.ones(701, np.float32)
    values[place] = bad
    norms = np.ones(8, np.float32)
    for call in (
        lambda: bucket_norms(values, 100, "l2"),
        lambda: bucket_norms(values, 100, "max"),
        lambda: quantise(values, norms, 100, 5, 0),
        lambda: ternary(values, 1.0, 0),
    ):
        with pytest.raises(PrivatuneError, match="NaN or infinity"):
            call()


def test_what_does_not_fit_is_refused():
    values, norms = np.ones(10, np.float32), np.ones(2, np.float32)
    for bad in (np.nan, np.inf, -1):
        broken = np.array([1, bad], np.float32)
        with pytest.raises(PrivatuneError, match="norm"):
            quantise(values, broken, 5, 1, 0)
        with pytest.raises(PrivatuneError, match="norm"):
            dequantise(np.ones(10, np.int8), broken, 5, 1)
        with pytest.raises(PrivatuneError, match="scale"):
            ternary(values, bad, 0)
    for code in (2, -2, -128):
        with pytest.raises(PrivatuneError, match=f"level {abs(code)} of 1"):
            dequantise(np.array([0, code], np.int8), norms[:1], 5, 1)
    with pytest.raises(PrivatuneError, match="infinity"):  # the norm, not a value
        bucket_norms(np.full(10, 3e38, np.float32), 5, "l2")
    for arguments in ((norms[:1], 5, 1, 0), (norms, 0, 1, 0), (norms, 5, 0, 0), (norms, 5, 128, 0), (norms, 5, 1, -1)):
        with pytest.raises(ValueError, match=r"fit|expected"):
            quantise(values, *arguments)
