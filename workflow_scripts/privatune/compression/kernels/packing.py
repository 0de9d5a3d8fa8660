"""Codes as bytes: signs by eight, ternary codes by five, whole numbers of any width. Little-endian, zero padded.

What is unpacked may come from anybody: payloads of a wrong length, with set padding or impossible codes raise
PrivatuneError, and no array is made before the length is known to fit.
"""

import numpy as np

from privatune.compression.kernels.quantisation import MOST_LEVELS, quantise
from privatune.compression.kernels.selection import INFINITE, NOT_FINITE, magnitude_bits
from privatune.core.compiled import compiled, each, ranges
from privatune.core.errors import PrivatuneError

_FIVES = 243  # 3^5
_WORD = 64
_SIGNLESS = np.uint32(0x7FFFFFFF)


def pack_signs(values: np.ndarray, threads: int = 1) -> np.ndarray:
    """[ceil(n / 8)] uint8: bit i % 8 of byte i // 8 is 1 where value i of [n] float32 is negative, which -0.0 is not.

    Raises:
        PrivatuneError: a value is NaN or infinite.
    """
    bits = magnitude_bits(values)
    packed = np.empty(-(-len(values) // 8), np.uint8)
    largest = each(lambda start, stop: _pack_signs(values, bits, packed, start, stop), ranges(len(packed), threads))
    if max(largest) >= INFINITE:
        raise PrivatuneError(NOT_FINITE)
    return packed


def unpack_signs(packed: np.ndarray, n: int, threads: int = 1) -> np.ndarray:
    """[n] float32: -1 where `pack_signs` found a negative value, else +1."""
    _check_length(packed, -(-n // 8))
    if n % 8 and packed[-1] >> (n % 8):
        raise _damaged("bits are set behind its last sign")
    signs = np.empty(n, np.float32)
    each(lambda start, stop: _unpack_signs(packed, signs, start, stop), ranges(len(packed), threads))
    return signs


def pack_ternary(codes: np.ndarray, threads: int = 1) -> np.ndarray:
    """[ceil(n / 5)] uint8: codes [n] int8 of -1, 0 and 1, plus one, as base-3 digits, code i with weight 3^(i % 5)."""
    if codes.dtype != np.int8 or codes.ndim != 1:
        raise ValueError(f"expected int8 [n], not {codes.dtype} {codes.shape}")
    packed = np.empty(-(-len(codes) // 5), np.uint8)
    wrong = each(lambda start, stop: _pack_ternary(codes, packed, start, stop), ranges(len(packed), threads))
    if any(wrong):
        raise ValueError("expected codes of -1, 0 and 1")
    return packed


def unpack_ternary(packed: np.ndarray, n: int, threads: int = 1) -> np.ndarray:
    """[n] int8: undo `pack_ternary`."""
    _check_length(packed, -(-n // 5))
    codes = np.empty(n, np.int8)
    if n == 0:
        return codes
    if int(packed.max()) >= _FIVES:
        raise _damaged(f"byte {int(packed.max())} is not five ternary codes")
    if n % 5 and int(packed[-1]) >= 3 ** (n % 5):
        raise _damaged("digits are set behind its last ternary code")
    each(lambda start, stop: _unpack_ternary(packed, codes, start, stop), ranges(len(packed), threads))
    return codes


def pack_bits(codes: np.ndarray, width: int, threads: int = 1) -> np.ndarray:
    """[ceil(n width / 8)] uint8: bit b of code i, [n] uint8 or uint32 below 2^width, is bit i width + b; width 1 to 32."""
    _check_width(width)
    if codes.dtype not in (np.uint8, np.uint32) or codes.ndim != 1:
        raise ValueError(f"expected uint8 or uint32 [n], not {codes.dtype} {codes.shape}")
    if len(codes) and int(codes.max()) >> width:
        raise ValueError(f"code {codes.max()} has more than {width} bits")
    if width == 8 * codes.itemsize:
        return codes.view(np.uint8).copy()
    words = np.empty(-(-len(codes) * width // _WORD), np.uint64)
    # 64 codes are a whole number of words
    each(lambda start, stop: _pack_bits(codes, width, words, start, stop), ranges(len(codes), threads, _WORD))
    return words.view(np.uint8)[: packed_length(len(codes), width)]


def unpack_bits(packed: np.ndarray, n: int, width: int, threads: int = 1) -> np.ndarray:
    """[n] uint32: undo `pack_bits`."""
    _check_width(width)
    _check_length(packed, packed_length(n, width))
    if n * width % 8 and packed[-1] >> (n * width % 8):
        raise _damaged("bits are set behind its last code")
    if width == 8:
        return packed.astype(np.uint32)
    words = np.zeros(len(packed) // 8 + 2, np.uint64)
    words.view(np.uint8)[: len(packed)] = packed
    codes = np.empty(n, np.uint32)
    each(lambda start, stop: _unpack_bits(words, width, codes, start, stop), ranges(n, threads))
    return codes


def packed_length(n: int, width: int) -> int:
    """Bytes of n codes of `width` bits.

    >>> packed_length(3, 3)
    2
    """
    return -(-n * width // 8)


def encode_levels(
    values: np.ndarray, norms: np.ndarray, bucket: int, levels: int, key: int, threads: int = 1
) -> np.ndarray:
    """uint8: the levels of `quantise`, of the same arguments, in two's complement of as few bits as -levels..levels take.

    >>> encode_levels(np.ones(8, np.float32), np.ones(1, np.float32), 8, 1, key=0).tolist()
    [85, 85]
    """
    width = _levels_width(levels)
    codes = quantise(values, norms, bucket, levels, key, threads).view(np.uint8)
    return codes if width == 8 else pack_bits(codes & np.uint8((1 << width) - 1), width, threads)


def unpack_levels(packed: np.ndarray, n: int, levels: int, threads: int = 1) -> np.ndarray:
    """[n] int8: the levels in what `encode_levels` made."""
    width = _levels_width(levels)
    if width == 8:
        _check_length(packed, n)
        codes = packed.view(np.int8)
    else:
        # the left shift puts the sign into its place, the right one copies it
        shifted = unpack_bits(packed, n, width, threads).astype(np.uint8) << (8 - width)
        codes = shifted.view(np.int8) >> (8 - width)
    if n and not -levels <= int(codes.min()) <= int(codes.max()) <= levels:
        raise _damaged(f"it holds a level outside of -{levels} to {levels}")
    return codes


def pack_indices(indices: np.ndarray) -> np.ndarray:
    """uint8: indices [count] uint32, strictly ascending, as Rice codes of the gaps between them; nothing for none.

    The gaps of a random subset are geometric. Rice codes of them take less than 0.1 bits an index more than the subset's
    entropy up to a third of all, one parameter, and no table; where more is chosen they become its bitmap. Byte 0 is the
    parameter r; then come the low r bits of each (gap - 1), then the rest of each in unary, as zeros and a one: apart,
    since that is read without a branch on each bit.
    """
    if indices.dtype != np.uint32 or indices.ndim != 1:
        raise ValueError(f"expected uint32 [count], not {indices.dtype} {indices.shape}")
    if not len(indices):
        return np.empty(0, np.uint8)
    if not _ascending(indices):
        raise ValueError("expected strictly ascending indices")
    count = len(indices)
    # the size is convex in r: down from where the mean gap would have it, or up
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
    """[count] uint32: undo `pack_indices`; PrivatuneError unless these bytes are `count` indices below n <= 2^32."""
    if not 0 <= count <= n <= 1 << 32:
        raise _damaged(f"{count} indices of {n} values")
    if count == 0:
        _check_length(packed, 0)
        return np.empty(0, np.uint32)
    r = int(packed[0]) if len(packed) else 32
    start = 1 + packed_length(count, r)
    if r > 31 or len(packed) < start + packed_length(count, 1):
        raise _damaged(f"it is too short for {count} indices")
    unary = packed[start:]
    if unary[-1] == 0 or int(np.bitwise_count(unary).sum(dtype=np.int64)) != count:
        raise _damaged(f"it does not hold {count} indices")
    indices = unpack_bits(packed[1:start], count, r) if r else np.zeros(count, np.uint32)
    zeros = 8 * len(unary) - 8 + int(unary[-1]).bit_length() - count
    last = _undo_rice(indices, r, unary) + (zeros << r)
    if last >= n:
        raise _damaged(f"index {last} of {n} values")
    return indices


def _levels_width(levels: int) -> int:
    if not 1 <= levels <= MOST_LEVELS:
        raise ValueError(f"expected 1 <= {levels=} <= {MOST_LEVELS}")
    return (2 * levels).bit_length()


def _check_width(width: int) -> None:
    if not 1 <= width <= 32:
        raise ValueError(f"expected 1 <= {width=} <= 32")


def _check_length(packed: np.ndarray, expected: int) -> None:
    if packed.dtype != np.uint8 or packed.ndim != 1:
        raise ValueError(f"expected uint8 [bytes], not {packed.dtype} {packed.shape}")
    if len(packed) != expected:
        raise _damaged(f"{len(packed)} bytes where {expected} belong")


def _damaged(what: str) -> PrivatuneError:
    return PrivatuneError(f"a payload is damaged: {what}; send it again")


@compiled
def _pack_signs(values, bits, packed, start, stop):  # type: ignore[no-untyped-def]
    """Fill packed[start:stop]; the largest magnitude bits."""
    largest = np.uint32(0)
    whole = min(np.uint64(stop), np.uint64(len(values) // 8))
    for byte in range(np.uint64(start), whole):
        signs = np.uint32(0)
        for j in range(np.uint64(8)):
            i = byte * np.uint64(8) + j
            largest = max(largest, bits[i] & _SIGNLESS)
            signs |= np.uint32(1 if values[i] < 0 else 0) << np.uint32(j)
        packed[byte] = signs
    if stop > len(values) // 8:
        packed[stop - 1] = 0
        for i in range(len(values) // 8 * 8, len(values)):
            largest = max(largest, bits[i] & _SIGNLESS)
            packed[stop - 1] |= np.uint8((values[i] < 0) << (i % 8))
    return largest


@compiled
def _unpack_signs(packed, signs, start, stop):  # type: ignore[no-untyped-def]
    """Fill signs[8 start : 8 stop]."""
    for byte in range(np.uint64(start), min(np.uint64(stop), np.uint64(len(signs) // 8))):
        bits = np.int32(packed[byte])
        for j in range(np.uint64(8)):
            signs[byte * np.uint64(8) + j] = np.float32(1 - 2 * (bits >> np.int32(j) & 1))
    if stop > len(signs) // 8:
        for i in range(len(signs) // 8 * 8, len(signs)):
            signs[i] = np.float32(1 - 2 * (np.int32(packed[i // 8]) >> i % 8 & 1))


@compiled
def _pack_ternary(codes, packed, start, stop):  # type: ignore[no-untyped-def]
    """Fill packed[start:stop]; whether a code is not ternary."""
    wrong = np.uint32(0)
    whole = min(np.uint64(stop), np.uint64(len(codes) // 5))
    for byte in range(np.uint64(start), whole):
        total = np.uint32(0)
        weight = np.uint32(1)
        for j in range(np.uint64(5)):
            digit = np.uint32(codes[byte * np.uint64(5) + j] + 1)
            wrong = max(wrong, digit)
            total += digit * weight
            weight *= np.uint32(3)
        packed[byte] = total
    if stop > len(codes) // 5:
        packed[stop - 1] = 0
        for i in range(len(codes) // 5 * 5, len(codes)):
            wrong = max(wrong, np.uint32(codes[i] + 1))
            packed[stop - 1] += np.uint8((codes[i] + 1) * 3 ** (i % 5))
    return wrong > 2


@compiled
def _unpack_ternary(packed, codes, start, stop):  # type: ignore[no-untyped-def]
    """Fill codes[5 start : 5 stop]."""
    for byte in range(np.uint64(start), min(np.uint64(stop), np.uint64(len(codes) // 5))):
        rest = np.uint32(packed[byte])
        for j in range(np.uint64(5)):
            codes[byte * np.uint64(5) + j] = np.int32(rest % np.uint32(3)) - 1
            rest = np.uint32(rest // np.uint32(3))
    if stop > len(codes) // 5:
        for i in range(len(codes) // 5 * 5, len(codes)):
            codes[i] = packed[i // 5] // 3 ** (i % 5) % 3 - 1


@compiled
def _pack_bits(codes, width, words, start, stop):  # type: ignore[no-untyped-def]
    """Fill the words of codes[start:stop], start a multiple of 64."""
    word, filled = np.uint64(0), np.uint64(0)
    place = np.uint64(start) * np.uint64(width) >> np.uint64(6)
    for i in range(np.uint64(start), np.uint64(stop)):
        code = np.uint64(codes[i])
        word |= code << filled
        filled += np.uint64(width)
        if filled >= np.uint64(_WORD):
            words[place] = word
            place += np.uint64(1)
            filled -= np.uint64(_WORD)
            word = code >> (np.uint64(width) - filled)
    if filled > 0:
        words[place] = word


@compiled
def _unpack_bits(words, width, codes, start, stop):  # type: ignore[no-untyped-def]
    mask = np.uint64((1 << width) - 1)
    for i in range(np.uint64(start), np.uint64(stop)):
        bit = i * np.uint64(width)
        place, by = bit >> np.uint64(6), bit & np.uint64(63)
        # shifted twice: a shift by 64 bits is undefined
        code = words[place] >> by | words[place + np.uint64(1)] << np.uint64(1) << (np.uint64(63) - by)
        codes[i] = np.uint32(code & mask)


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
    """Set the unary bits in `words`; the low r bits of each gap - 1."""
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
    """Turn low bits into indices, given as many ones as indices; the sum of the low bits and of the ones below."""
    total = np.uint64(0)
    for i in range(len(indices)):
        total += np.uint64(indices[i]) + np.uint64(i > 0)
        indices[i] = np.uint32(total)
    zeros, found = np.uint64(0), np.uint64(0)
    last = np.uint64(len(indices) - 1)
    # no branch on a bit, which nobody can predict: a zero adds nothing to the index that is next
    for byte in unary:
        for j in range(8):
            one = np.uint64(byte >> np.uint8(j) & np.uint8(1))
            indices[min(found, last)] += np.uint32((zeros << np.uint64(r)) * one)
            found += one
            zeros += np.uint64(1) - one
    return total
