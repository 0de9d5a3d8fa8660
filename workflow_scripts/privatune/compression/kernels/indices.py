"""Ascending indices as bytes: Rice codes (Rice and Plaunt, 1971) of the gaps between them.

The gaps of a random subset have a geometric distribution. Their Rice codes need one parameter and no table. They take
less than 0.1 bits per index more than the subset's entropy if it holds up to a third of the values; for larger subsets
they become a bitmap.

Byte 0 is the parameter r. Then come the low r bits of each (gap - 1), then the rest of each in unary, as zeros and a
one. The two are stored apart because the unary part can then be read without a branch per bit.
"""

import numpy as np

from privatune.compression.kernels.packing import check_length, damaged, pack_bits, packed_length, unpack_bits
from privatune.core.compiled import compiled

_WORD = 64


def pack_indices(indices: np.ndarray) -> np.ndarray:
    """Encode indices [count] uint32, strictly ascending, as uint8 [bytes]; no index gives no byte.

    Raises:
        ValueError: the indices are not uint32 or not strictly ascending.
    """
    if indices.dtype != np.uint32 or indices.ndim != 1:
        raise ValueError(f"expected uint32 [count], not {indices.dtype} {indices.shape}")
    if not len(indices):
        return np.empty(0, np.uint8)
    if not _ascending(indices):
        raise ValueError("expected strictly ascending indices")
    count = len(indices)
    # the size is convex in r: start at the r that fits the mean gap and go down or up
    r = max((int(indices[-1]) // count).bit_length() - 1, 0)
    size = count * r + _unary_zeros(indices, r)
    for step in (-1, 1):
        while 0 <= r + step < 32 and (other := count * (r + step) + _unary_zeros(indices, r + step)) < size:
            r, size = r + step, other
    words = np.zeros(-(-(size - count * r + count) // _WORD), np.uint64)
    low = _rice(indices, r, words)
    unary = words.view(np.uint8)[: -(-(size - count * r + count) // 8)]
    return np.concatenate([np.array([r], np.uint8), pack_bits(low, r) if r else low[:0].view(np.uint8), unary])


def unpack_indices(packed: np.ndarray, count: int, n: int) -> np.ndarray:
    """[count] uint32: undo `pack_indices`; PrivatuneError unless the bytes hold `count` indices below n <= 2^32."""
    if not 0 <= count <= n <= 1 << 32:
        raise damaged(f"{count} indices of {n} values")
    if count == 0:
        check_length(packed, 0)
        return np.empty(0, np.uint32)
    r = int(packed[0]) if len(packed) else 32
    start = 1 + packed_length(count, r)
    if r > 31 or len(packed) < start + packed_length(count, 1):
        raise damaged(f"it is too short for {count} indices")
    unary = packed[start:]
    if unary[-1] == 0 or int(np.bitwise_count(unary).sum(dtype=np.int64)) != count:
        raise damaged(f"it does not hold {count} indices")
    indices = unpack_bits(packed[1:start], count, r) if r else np.zeros(count, np.uint32)
    zeros = 8 * len(unary) - 8 + int(unary[-1]).bit_length() - count
    last = _undo_rice(indices, r, unary) + (zeros << r)
    if last >= n:
        raise damaged(f"index {last} of {n} values")
    return indices


@compiled
def _ascending(indices):  # type: ignore[no-untyped-def]
    wrong = np.uint32(0)
    for i in range(np.uint64(1), np.uint64(len(indices))):
        wrong |= np.uint32(1 if indices[i] <= indices[i - np.uint64(1)] else 0)
    return wrong == 0


@compiled
def _unary_zeros(indices, r):  # type: ignore[no-untyped-def]
    """Sum of (gap - 1) >> r."""
    by = np.uint32(r)
    total = np.uint64(indices[0] >> by)
    for i in range(np.uint64(1), np.uint64(len(indices))):
        total += np.uint64(np.uint32(indices[i] - indices[i - np.uint64(1)] - np.uint32(1)) >> by)
    return np.int64(total)


@compiled
def _rice(indices, r, words):  # type: ignore[no-untyped-def]
    """Set the unary bits in `words`, and return the low r bits of each gap - 1, uint32 [count]."""
    low = np.empty(len(indices), np.uint32)
    mask = np.uint32((1 << r) - 1)
    bit, before = np.uint64(0), np.int64(-1)
    for i in range(len(indices)):
        gap = np.uint32(indices[i] - before - 1)
        before = np.int64(indices[i])
        low[i] = gap & mask
        bit += np.uint64(gap >> np.uint32(r))
        words[bit >> np.uint64(6)] |= np.uint64(1) << (bit & np.uint64(63))
        bit += np.uint64(1)
    return low


@compiled
def _undo_rice(indices, r, unary):  # type: ignore[no-untyped-def]
    """Turn the low bits in `indices` into the indices; return the last index without its unary part.

    `unary` must hold as many ones as there are indices.
    """
    total = np.uint64(0)
    for i in range(len(indices)):
        total += np.uint64(indices[i]) + np.uint64(i > 0)
        indices[i] = np.uint32(total)
    zeros, found = np.uint64(0), np.uint64(0)
    last = np.uint64(len(indices) - 1)
    # no branch on a bit, which would be unpredictable: a zero adds nothing to the next index
    for byte in unary:
        for j in range(8):
            one = np.uint64(byte >> np.uint8(j) & np.uint8(1))
            indices[min(found, last)] += np.uint32((zeros << np.uint64(r)) * one)
            found += one
            zeros += np.uint64(1) - one
    return total
