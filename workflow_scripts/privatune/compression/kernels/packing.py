"""Codes as bytes: eight signs or five ternary codes per byte, or integers of any width; little-endian, zero padded.

Payloads are not trusted: a wrong length, padding that is not zero or an impossible code raises PrivatuneError, and no
array is allocated before the length has been checked.
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
    """[ceil(n / 8)] uint8: bit i % 8 of byte i // 8 is 1 if value i of [n] float32 is negative; -0.0 is not negative.

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
    check_length(packed, -(-n // 8))
    if n % 8 and packed[-1] >> (n % 8):
        raise damaged("bits are set after its last sign")
    signs = np.empty(n, np.float32)
    each(lambda start, stop: _unpack_signs(packed, signs, start, stop), ranges(len(packed), threads))
    return signs


def pack_ternary(codes: np.ndarray, threads: int = 1) -> np.ndarray:
    """[ceil(n / 5)] uint8: codes [n] int8 of -1, 0 and 1 as base-3 digits code + 1; code i has weight 3^(i % 5)."""
    if codes.dtype != np.int8 or codes.ndim != 1:
        raise ValueError(f"expected int8 [n], not {codes.dtype} {codes.shape}")
    packed = np.empty(-(-len(codes) // 5), np.uint8)
    wrong = each(lambda start, stop: _pack_ternary(codes, packed, start, stop), ranges(len(packed), threads))
    if any(wrong):
        raise ValueError("expected codes of -1, 0 and 1")
    return packed


def unpack_ternary(packed: np.ndarray, n: int, threads: int = 1) -> np.ndarray:
    """[n] int8: undo `pack_ternary`."""
    check_length(packed, -(-n // 5))
    codes = np.empty(n, np.int8)
    if n == 0:
        return codes
    if int(packed.max()) >= _FIVES:
        raise damaged(f"byte {int(packed.max())} does not encode five ternary codes")
    if n % 5 and int(packed[-1]) >= 3 ** (n % 5):
        raise damaged("digits are set after its last ternary code")
    each(lambda start, stop: _unpack_ternary(packed, codes, start, stop), ranges(len(packed), threads))
    return codes


def pack_bits(codes: np.ndarray, width: int, threads: int = 1) -> np.ndarray:
    """[ceil(n width / 8)] uint8: bit b of code i is bit i width + b; codes are uint8 or uint32 [n], width 1 to 32."""
    _check_width(width)
    if codes.dtype not in (np.uint8, np.uint32) or codes.ndim != 1:
        raise ValueError(f"expected uint8 or uint32 [n], not {codes.dtype} {codes.shape}")
    if len(codes) and int(codes.max()) >> width:
        raise ValueError(f"code {codes.max()} has more than {width} bits")
    if width == 8 * codes.itemsize:
        return codes.view(np.uint8).copy()
    words = np.empty(-(-len(codes) * width // _WORD), np.uint64)
    # 64 codes fill a whole number of words, so that no two threads write to one word
    each(lambda start, stop: _pack_bits(codes, width, words, start, stop), ranges(len(codes), threads, _WORD))
    return words.view(np.uint8)[: packed_length(len(codes), width)]


def unpack_bits(packed: np.ndarray, n: int, width: int, threads: int = 1) -> np.ndarray:
    """[n] uint32: undo `pack_bits`."""
    _check_width(width)
    check_length(packed, packed_length(n, width))
    if n * width % 8 and packed[-1] >> (n * width % 8):
        raise damaged("bits are set after its last code")
    if width == 8:
        return packed.astype(np.uint32)
    words = np.zeros(len(packed) // 8 + 2, np.uint64)
    words.view(np.uint8)[: len(packed)] = packed
    codes = np.empty(n, np.uint32)
    each(lambda start, stop: _unpack_bits(words, width, codes, start, stop), ranges(n, threads))
    return codes


def packed_length(n: int, width: int) -> int:
    """The number of bytes that n codes of `width` bits take.

    >>> packed_length(3, 3)
    2
    """
    return -(-n * width // 8)


def encode_levels(
    values: np.ndarray, norms: np.ndarray, bucket: int, levels: int, key: int, threads: int = 1
) -> np.ndarray:
    """uint8 [bytes]: the codes of `quantise` in two's complement, with as few bits as -levels..levels need.

    >>> encode_levels(np.ones(8, np.float32), np.ones(1, np.float32), 8, 1, key=0).tolist()
    [85, 85]
    """
    width = _levels_width(levels)
    codes = quantise(values, norms, bucket, levels, key, threads).view(np.uint8)
    return codes if width == 8 else pack_bits(codes & np.uint8((1 << width) - 1), width, threads)


def unpack_levels(packed: np.ndarray, n: int, levels: int, threads: int = 1) -> np.ndarray:
    """[n] int8: undo the packing of `encode_levels`."""
    width = _levels_width(levels)
    if width == 8:
        check_length(packed, n)
        codes = packed.view(np.int8)
    else:
        # the left shift moves the sign bit to the top, and the right shift extends it
        shifted = unpack_bits(packed, n, width, threads).astype(np.uint8) << (8 - width)
        codes = shifted.view(np.int8) >> (8 - width)
    if n and not -levels <= int(codes.min()) <= int(codes.max()) <= levels:
        raise damaged(f"it holds a level outside of -{levels} to {levels}")
    return codes


def _levels_width(levels: int) -> int:
    if not 1 <= levels <= MOST_LEVELS:
        raise ValueError(f"expected 1 <= {levels=} <= {MOST_LEVELS}")
    return (2 * levels).bit_length()


def _check_width(width: int) -> None:
    if not 1 <= width <= 32:
        raise ValueError(f"expected 1 <= {width=} <= 32")


def check_length(packed: np.ndarray, expected: int) -> None:
    """Raise PrivatuneError unless `packed` has `expected` bytes."""
    if packed.dtype != np.uint8 or packed.ndim != 1:
        raise ValueError(f"expected uint8 [bytes], not {packed.dtype} {packed.shape}")
    if len(packed) != expected:
        raise damaged(f"it has {len(packed)} bytes instead of {expected}")


def damaged(what: str) -> PrivatuneError:
    """The error for any fault in a payload's bytes."""
    return PrivatuneError(f"a payload is damaged: {what}; send it again")


@compiled
def _pack_signs(values, bits, packed, start, stop):  # type: ignore[no-untyped-def]
    """Fill packed[start:stop] and return the largest magnitude bits."""
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
        for last in range(len(values) // 8 * 8, len(values)):
            largest = max(largest, bits[last] & _SIGNLESS)
            packed[stop - 1] |= np.uint8((values[last] < 0) << (last % 8))
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
    """Fill packed[start:stop] and return whether a code is not ternary."""
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
    """Fill the words of codes[start:stop]; start is a multiple of 64."""
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
        # shifted twice, because a shift by 64 bits is undefined
        code = words[place] >> by | words[place + np.uint64(1)] << np.uint64(1) << (np.uint64(63) - by)
        codes[i] = np.uint32(code & mask)
