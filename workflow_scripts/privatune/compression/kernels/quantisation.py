"""Unbiased stochastic rounding to a few levels: QSGD (Alistarh et al., 2017) and TernGrad (Wen et al., 2017).

The random words depend on (key, index) only, so that the result is the same for any number and order of threads. They
come from Philox4x32-10 of Salmon et al. (2011), "Parallel random numbers: as easy as 1, 2, 3". A block of Philox has
four words. Here the lanes of a vector are 64 neighbouring blocks: index 256 g + 64 w + j gets word w of block 64 g + j.
A value is rounded up with probability ceil(2^24 fraction) / 2^24, which is the resolution of float32.

All functions take `values` [n] float32 and raise PrivatuneError if one is NaN or infinite. All kernels are in this
module, because numba does not notice when a kernel of another module has changed.
"""

from functools import partial
from typing import Literal

import numpy as np

from privatune.compression.kernels.selection import INFINITE, NOT_FINITE, magnitude_bits
from privatune.core.compiled import compiled, each, ranges
from privatune.core.errors import PrivatuneError

MOST_LEVELS = 127

_LANES = 64
_GROUP = 4 * _LANES
_ROUNDS = 10
_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint32(0x9E3779B9), np.uint32(0xBB67AE85)
_HALF = np.uint64(32)
_SIGNLESS = np.uint32(0x7FFFFFFF)
_UNIT = np.float32(2.0**-24)
_SUMS = 64
_HALVES = (32, 16, 8, 4, 2, 1)


def bucket_norms(values: np.ndarray, bucket: int, kind: Literal["l2", "max"], threads: int = 1) -> np.ndarray:
    """[ceil(n / bucket)] float32: the Euclidean norm or the largest magnitude of each `bucket` neighbouring values.

    Raises:
        PrivatuneError: a value, or a norm in float32, is not finite.
    """
    magnitude_bits(values)
    norms = np.empty(_buckets(len(values), bucket), np.float32)
    kernel = {"l2": _euclidean, "max": _largest}[kind]
    each(lambda start, stop: kernel(values, bucket, norms, start, stop), ranges(len(norms), threads))
    if not np.isfinite(norms).all():
        raise PrivatuneError(NOT_FINITE)
    return norms


def quantise(values: np.ndarray, norms: np.ndarray, bucket: int, levels: int, key: int, threads: int = 1) -> np.ndarray:
    """[n] int8 in -levels..levels: sign(v) times |v| / norm * levels, rounded up with the probability of its fraction.

    This is QSGD's quantiser (Alistarh et al., 2017, section 3.1). It is unbiased: the mean of `dequantise` is v if
    |v| <= norm. A larger |v|, which occurs because norms are rounded to float32, counts as the norm. A bucket of norm 0
    gives zeros.

    Args:
        values: [n] float32.
        norms: [ceil(n / bucket)] float32, from `bucket_norms`.
        bucket: Number of values that share a norm.
        levels: s of the paper, 1 to 127.
        key: Key of up to 128 bits, from `stream_key`.
        threads: Number of threads.

    Raises:
        PrivatuneError: a value or a norm is not finite, or a norm is negative.
    """
    bits = magnitude_bits(values)
    _check_norms(norms, len(values), bucket, levels)
    codes = np.empty(len(values), np.int8)
    kernel = partial(_quantise, values, bits, norms, bucket, np.float32(levels), _key_words(key), codes)
    largest = each(kernel, ranges(len(values), threads, _GROUP))
    _refuse_unless_finite(max(largest))
    return codes


def dequantise(codes: np.ndarray, norms: np.ndarray, bucket: int, levels: int, threads: int = 1) -> np.ndarray:
    """[n] float32: code / levels * norm of each code [n] int8.

    Raises:
        PrivatuneError: a norm is not finite or negative, or a code is not in -levels..levels.
    """
    _check_norms(norms, len(codes), bucket, levels)
    values = np.empty(len(codes), np.float32)
    parts = ranges(len(codes), threads, _GROUP)
    largest = each(lambda start, stop: _dequantise(codes, norms, bucket, levels, values, start, stop), parts)
    if max(largest) > levels:
        raise PrivatuneError(f"a payload is damaged: it holds level {max(largest)} of {levels}; send it again")
    return values


def ternary(values: np.ndarray, scale: float, key: int, threads: int = 1) -> np.ndarray:
    """[n] int8: sign(v) with probability |v| / scale, else 0 (Wen et al., 2017, equation 1); |v| is clipped to scale.

    Raises:
        PrivatuneError: a value or the scale is not finite, or the scale is negative.
    """
    if not np.isfinite(scale) or scale < 0:
        raise PrivatuneError(f"scale {scale}: expected a finite number of at least 0; has the training diverged?")
    # the same as one level and a single bucket that is larger than any vector
    return quantise(values, np.array([scale], np.float32)[: len(values)], 1 << 62, 1, key, threads)


def _buckets(size: int, bucket: int) -> int:
    if bucket < 1:
        raise ValueError(f"expected {bucket=} >= 1")
    return -(-size // bucket)


def _check_norms(norms: np.ndarray, size: int, bucket: int, levels: int) -> None:
    if not 1 <= levels <= MOST_LEVELS:
        raise ValueError(f"expected 1 <= {levels=} <= {MOST_LEVELS}")
    if norms.dtype != np.float32 or norms.shape != (_buckets(size, bucket),):
        raise ValueError(f"{norms.dtype} norms {norms.shape} do not fit {size} values in buckets of {bucket}")
    if not (np.isfinite(norms) & (norms >= 0)).all():
        raise PrivatuneError("a norm is negative, NaN or infinite: the training has diverged or the payload is damaged")


def _refuse_unless_finite(largest: int) -> None:
    if largest >= INFINITE:
        raise PrivatuneError(NOT_FINITE)


def _key_words(key: int) -> np.ndarray:
    """[4] uint32: two words for Philox's key and two for the upper half of its counter."""
    if not 0 <= key < 1 << 128:
        raise ValueError(f"expected a key of up to 128 bits, not {key}")
    return np.frombuffer(key.to_bytes(16, "little"), "<u4").astype(np.uint32)


@compiled
def _random_words(key, group, words):  # type: ignore[no-untyped-def]
    """Fill words [256] uint32 with the random words of indices 256 group to 256 group + 255."""
    for lane in range(np.uint64(_LANES)):
        block = np.uint64(group) * np.uint64(_LANES) + lane
        c0, c1, c2, c3 = np.uint32(block), np.uint32(block >> _HALF), key[2], key[3]
        k0, k1 = key[0], key[1]
        for _ in range(_ROUNDS):
            p0, p1 = c0 * _M0, c2 * _M1
            c0, c1 = np.uint32(p1 >> _HALF) ^ c1 ^ k0, np.uint32(p1)
            c2, c3 = np.uint32(p0 >> _HALF) ^ c3 ^ k1, np.uint32(p0)
            k0, k1 = np.uint32(k0 + _W0), np.uint32(k1 + _W1)
        words[lane] = c0
        words[lane + np.uint64(_LANES)] = c1
        words[lane + np.uint64(2 * _LANES)] = c2
        words[lane + np.uint64(3 * _LANES)] = c3


@compiled
def _quantise(values, bits, norms, bucket, levels, key, codes, start, stop):  # type: ignore[no-untyped-def]
    """Fill codes[start:stop], where start is a multiple of a group, and return the largest magnitude bits."""
    words = np.empty(_GROUP, np.uint32)
    largest = np.uint32(0)
    last = np.uint64(stop)
    wide = np.uint64(bucket)
    for first in range(np.uint64(start), last, np.uint64(_GROUP)):
        _random_words(key, first // np.uint64(_GROUP), words)
        end = min(first + np.uint64(_GROUP), last)
        i = np.uint64(first)
        while i < end:
            at = i // wide
            until = min((at + np.uint64(1)) * wide, end)
            norm = norms[at]
            # with a norm of 0 every quotient is 0 / 1
            divisor = norm if norm > 0 else np.float32(1)
            most = levels if norm > 0 else np.float32(0)
            for j in range(until - i):
                magnitude = bits[i + j] & _SIGNLESS
                largest = max(largest, magnitude)
                level = min(abs(values[i + j]) / divisor * levels, most)
                whole = np.int32(level)
                draw = np.float32(np.int32(words[i + j - first] >> np.uint32(8))) * _UNIT
                whole += np.int32(1 if draw < level - np.float32(whole) else 0)
                codes[i + j] = np.int8(-whole if values[i + j] < 0 else whole)
            i = until
    return largest


@compiled
def _dequantise(codes, norms, bucket, levels, values, start, stop):  # type: ignore[no-untyped-def]
    """Fill values[start:stop] and return the largest magnitude among the codes."""
    largest = np.int32(0)
    wide = np.uint64(bucket)
    last = np.uint64(stop)
    i = np.uint64(start)
    scale = np.float32(levels)
    while i < last:
        until = min((i // wide + np.uint64(1)) * wide, last)
        norm = norms[i // wide]
        for j in range(until - i):
            code = np.int32(codes[i + j])
            largest = max(largest, abs(code))
            values[i + j] = np.float32(code) / scale * norm
        i = until
    return largest


@compiled
def _euclidean(values, bucket, norms, start, stop):  # type: ignore[no-untyped-def]
    """Fill norms[start:stop] with Euclidean norms; NaN and infinity stay in them."""
    # float64, because squares overflow in float32; several sums, because each addition to a single sum would wait for
    # the one before; the order of the sums is the same on every machine
    sums = np.empty(_SUMS)
    for b in range(np.uint64(start), np.uint64(stop)):
        first = b * np.uint64(bucket)
        last = min(first + np.uint64(bucket), np.uint64(len(values)))
        whole = first + (last - first) // np.uint64(_SUMS) * np.uint64(_SUMS)
        sums[:] = 0
        for i in range(first, whole, np.uint64(_SUMS)):
            for j in range(np.uint64(_SUMS)):
                value = np.float64(values[i + j])
                sums[j] += value * value
        for i in range(whole, last):
            value = np.float64(values[i])
            sums[i - whole] += value * value
        for half in _HALVES:
            for j in range(half):
                sums[j] += sums[j + half]
        norms[b] = np.float32(np.sqrt(sums[0]))


@compiled
def _largest(values, bucket, norms, start, stop):  # type: ignore[no-untyped-def]
    """Fill norms[start:stop] with largest magnitudes; NaN and infinity stay in them."""
    bits = values.view(np.uint32)
    for b in range(np.uint64(start), np.uint64(stop)):
        first = b * np.uint64(bucket)
        largest = np.uint32(0)
        for i in range(first, min(first + np.uint64(bucket), np.uint64(len(values)))):
            largest = max(largest, bits[i] & _SIGNLESS)
        norms.view(np.uint32)[b] = largest
