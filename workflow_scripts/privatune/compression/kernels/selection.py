"""Exact selection of the largest magnitudes by radix histograms over their bits, without a sort or a partition.

Without the sign bit, float32 values have the order of their bits as integers, and NaN and infinity are the largest. All
functions take `values` [n] float32, n < 2^32, and raise PrivatuneError if one is NaN or infinite. The results are the
same for any number of `threads`.
"""

import math
from functools import partial
from typing import NamedTuple

import numpy as np

from privatune.core.compiled import Ranges, compiled, each, ranges
from privatune.core.errors import PrivatuneError

INFINITE = 0x7F800000  # the magnitude bits of infinity; those of NaN are larger
NOT_FINITE = "an update holds NaN or infinity: its training has diverged; lower its learning_rate or clip"

# shift and number of bins of each digit of a magnitude's 31 bits, highest first; one digit's counts fit into 16 KiB
_DIGITS = ((20, 2048), (10, 1024), (0, 1024))
_SAMPLES = 1 << 15
_SIGNLESS = np.uint32(0x7FFFFFFF)
_BLOCK = 64
_COPIES = 4
_SHARE = 1 << 16  # number of values that justifies another thread


def top_k(values: np.ndarray, k: int, threads: int = 1) -> np.ndarray:
    """[k] uint32: the ascending indices of the k largest magnitudes; among equal ones, the lowest indices.

    Raises:
        PrivatuneError: a value is not finite, or k is not in 0..n.
    """
    bits = magnitude_bits(values)
    if not 0 <= k <= len(bits):
        raise PrivatuneError(f"there are no {k} largest of {len(bits)} values; choose from 0 to {len(bits)}")
    if k in (0, len(bits)):
        _refuse_unless_finite(_count(bits, np.uint32(0), threads)[1])
        return np.arange(k, dtype=np.uint32)
    # Guess from a sample a bound that slightly more than k values reach: one pass then finds all candidates. If the
    # guess is bad or 0, there are several passes over all values instead.
    floor = _likely_bound(bits, k)
    if floor and len(candidates := _at_least(bits, floor, min(2 * k + 1024, len(bits)), threads)) >= k:
        return candidates[_largest(bits[candidates], k, threads)]
    return _largest(bits, k, threads)


def above(values: np.ndarray, threshold: float, threads: int = 1) -> np.ndarray:
    """uint32 [found]: the ascending indices of all magnitudes above `threshold`, which is rounded to float32.

    Raises:
        PrivatuneError: a value is not finite, or the threshold is negative or not finite.
    """
    bits = magnitude_bits(values)
    if not 0 <= threshold < float(np.finfo(np.float32).max):
        raise PrivatuneError(f"threshold {threshold}: expected a finite number of at least 0")
    floor = np.float32(threshold).view(np.uint32) + np.uint32(1)
    count, largest = _count(bits, floor, threads)
    _refuse_unless_finite(largest)
    return _at_least(bits, floor, count, threads)


def magnitude_bits(values: np.ndarray) -> np.ndarray:
    """`values` as uint32 without a copy, sign bits included; ValueError unless they are contiguous float32 [n]."""
    if values.dtype != np.float32 or values.ndim != 1 or not values.flags.c_contiguous:
        raise ValueError(f"expected contiguous float32 [n], not {values.dtype} {values.shape}")
    return values.view(np.uint32)


def _refuse_unless_finite(largest: int) -> None:
    if largest >= INFINITE:
        raise PrivatuneError(NOT_FINITE)


def _likely_bound(bits: np.ndarray, k: int) -> np.uint32:
    """Magnitude bits that probably slightly more than k values reach, estimated from a sample."""
    # an odd stride, so that the sample of a matrix is not all from one column
    sample = np.ascontiguousarray(bits[:: max(len(bits) // _SAMPLES, 1) | 1])
    expected = k * len(sample) / len(bits)
    # a margin of four standard deviations
    rank = math.ceil(expected + 4 * math.sqrt(expected) + 4)
    return _kth(sample, min(rank, len(sample)), ranges(len(sample), 1)).bits


def _at_least(bits: np.ndarray, floor: np.uint32, room: int, threads: int) -> np.ndarray:
    """Ascending indices of magnitude bits >= floor; empty if a thread finds more than `room` of them."""

    def gather(start: int, stop: int) -> np.ndarray | None:
        found = np.empty(room + 2 * _BLOCK, np.uint32)
        count = _gather(bits, start, stop, floor, found)
        return None if count < 0 else found[:count]

    found = each(gather, ranges(len(bits), threads, _BLOCK))
    return np.empty(0, np.uint32) if any(part is None for part in found) else np.concatenate(found)


def _count(bits: np.ndarray, floor: np.uint32, threads: int) -> tuple[int, int]:
    """The number of magnitude bits >= floor, and the largest magnitude bits."""
    found = each(lambda start, stop: _count_part(bits, start, stop, floor), ranges(len(bits), threads))
    return sum(count for count, _ in found), max(largest for _, largest in found)


class _Kth(NamedTuple):
    """The k-th largest magnitude, and how many of the k largest are in each part of the values."""

    bits: np.uint32
    more: np.ndarray
    """[parts]: number of larger magnitudes."""
    ties: np.ndarray
    """[parts]: number of equal magnitudes, from the lowest index on, that complete the k largest."""


def _kth(bits: np.ndarray, k: int, parts: Ranges) -> _Kth:
    """The k-th largest magnitude, k in 1..n, found digit by digit from a histogram of each digit."""
    kth, left = 0, k
    more = np.zeros(len(parts), np.int64)
    for shift, bins in _DIGITS:
        counts = np.array(each(partial(_histogram, bits, shift, bins, kth), parts))
        if shift == _DIGITS[0][0]:
            _refuse_unless_finite(INFINITE if counts[:, INFINITE >> shift :].any() else 0)
        reached = np.append(np.cumsum(counts.sum(0)[::-1])[::-1], 0)  # number with this digit or a larger one
        digit = int(np.flatnonzero(reached >= left)[-1])
        left -= int(reached[digit + 1])
        more += counts[:, digit + 1 :].sum(1)
        equal = counts[:, digit]
        kth = kth * bins + digit
    return _Kth(np.uint32(kth), more, np.clip(left - (np.cumsum(equal) - equal), 0, equal))


def _largest(bits: np.ndarray, k: int, threads: int) -> np.ndarray:
    """Ascending indices of the k largest magnitudes, by passes over all values; k in 1..n."""
    parts = ranges(len(bits), threads, _SHARE)
    kth = _kth(bits, k, parts)
    kept = {start: (more, ties) for (start, _), more, ties in zip(parts, kth.more, kth.ties, strict=True)}
    return np.concatenate(each(lambda start, stop: _collect(bits, kth.bits, *kept[start], start, stop), parts))


@compiled
def _count_part(bits, start, stop, floor):  # type: ignore[no-untyped-def]
    """The number of magnitudes in bits[start:stop] that are >= floor, and the largest of all of them."""
    count = np.int64(0)
    largest = np.uint32(0)
    for i in range(np.uint64(start), np.uint64(stop)):
        magnitude = bits[i] & _SIGNLESS
        count += 1 if magnitude >= floor else 0
        largest = max(largest, magnitude)
    return count, largest


@compiled
def _gather(bits, start, stop, floor, found):  # type: ignore[no-untyped-def]
    """Write indices of bits[start:stop] >= floor to `found`; return their number, or -1 if they do not fit."""
    count = np.uint64(0)
    room = np.uint64(len(found) - _BLOCK)
    last = np.uint64(stop)
    for block in range(np.uint64(start), last, np.uint64(_BLOCK)):
        end = min(block + np.uint64(_BLOCK), last)
        # most blocks hold no such value; vector instructions find their largest magnitude quickly
        largest = np.uint32(0)
        if end - block == np.uint64(_BLOCK):
            for j in range(np.uint64(_BLOCK)):
                largest = max(largest, bits[block + j] & _SIGNLESS)
        else:
            largest = floor
        if largest >= floor:
            if count > room:
                return -1
            for i in range(block, end):
                found[count] = i
                count += np.uint64(1 if bits[i] & _SIGNLESS >= floor else 0)
    return np.int64(count)


@compiled
def _histogram(bits, shift, bins, prefix, start, stop):  # type: ignore[no-untyped-def]
    """[bins] int64: how often each digit follows the digits `prefix` in the magnitudes of bits[start:stop]."""
    # several copies of the counts, because neighbours in the same bin would wait for each other's store
    counts = np.zeros((_COPIES, bins + 1), np.uint32)
    mask = np.uint32(bins - 1)
    by = np.uint32(shift)
    above = np.uint32(0)
    while bins >> above > 1:
        above += np.uint32(1)
    for i in range(np.uint64(start), np.uint64(stop)):
        magnitude = bits[i] & _SIGNLESS
        digit = (magnitude >> by) & mask
        place = digit if (magnitude >> by) >> above == prefix else np.uint32(bins)
        counts[i & np.uint64(_COPIES - 1), place] += np.uint32(1)
    return counts[:, :bins].sum(0).astype(np.int64)


@compiled
def _collect(bits, kth, more, ties, start, stop):  # type: ignore[no-untyped-def]
    """[more + ties] uint32: indices of bits[start:stop] above kth, and of the first `ties` equal to it."""
    size = more + ties
    found = np.empty(size + 1, np.uint32)  # every step writes; a rejected index is overwritten or lands in the spare
    count = np.uint64(0)
    for i in range(np.uint64(start), np.uint64(stop)):
        magnitude = bits[i] & _SIGNLESS
        tie = magnitude == kth and ties > 0
        found[count] = i
        count += np.uint64(1 if magnitude > kth or tie else 0)
        ties -= 1 if tie else 0
    return found[:size]
