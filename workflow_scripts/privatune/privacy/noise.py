"""Noise in whole numbers: the discrete Gaussian, drawn exactly and from a cryptographic stream.

By rejection, as Canonne, Kamath and Steinke (2020) do, but from a proposal that random bits give without arithmetic:
uniform within blocks of a power of two, each block half as likely as the one before. Whether a proposal is taken is
decided in float64 where its error cannot matter, and elsewhere by decimals of as many digits as that takes.
"""

import math
from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from functools import partial
from itertools import count

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.streams import random_words

PROPOSALS = 1 << 15  # at a time; they fit into the processor's cache
# two numbers that float64 has to within 2^-45, and that lie this far apart, are compared rightly
MARGIN = 2.0**-40
LARGEST = 1 << 57  # deviation; a value of 64 deviations still fits into an int64


def discrete_gaussian(size: int, deviation: int, seed: int, purpose: str, *keys: int | str) -> np.ndarray:
    """[size] int64, each x with a probability in proportion to exp(-x^2 / (2 deviation^2)).

    Exact, given random bits, but that values beyond 32 deviations, of a probability below 2^-700, are never drawn.

    Args:
        size: how many.
        deviation: whole, up to 2^57; the standard deviation is smaller by less than 1e-6 of it. 0: no noise.
        seed, purpose, keys: of the stream; the same ones, the same noise.

    Raises:
        PrivatuneError: the deviation is not within these bounds.
    """
    if not 0 <= deviation <= LARGEST:
        raise PrivatuneError(f"noise: a deviation of {deviation} steps; take 0 to 2^57, by another clip or multiplier")
    if deviation == 0:
        return np.zeros(size, np.int64)
    drawn, filled, block = np.empty(size, np.int64), 0, 0
    proposals = min(PROPOSALS, 3 * size + 64)
    while filled < size:
        words = random_words(3 * proposals, seed, purpose, *keys, block).reshape(3, -1)
        found = _taken(words, deviation, partial(_more, seed, purpose, *keys, block))[: size - filled]
        drawn[filled : filled + len(found)] = found
        filled, block = filled + len(found), block + 1
    return drawn


def _more(seed: int, purpose: str, *keys: int | str) -> Iterator[int]:
    """Further digits of the uniform number that decides on a proposal, 64 bits at a time."""
    return (int(random_words(1, seed, purpose, *keys, n)[0]) for n in count())


def _taken(words: np.ndarray, deviation: int, more: Callable[[int], Iterator[int]]) -> np.ndarray:
    """Those of [proposals] that are taken; words: [3, proposals], of 64 random bits each."""
    inside, zeros, uniform = words
    shift = deviation.bit_length() - 1  # blocks of 2^shift, which is above half the deviation and at most all of it
    block = np.bitwise_count((zeros & -zeros) - np.uint64(1))  # zeros at the end: n with probability 2^-(n + 1)
    size = (inside & np.uint64((1 << shift) - 1)) + (block.astype(np.uint64) << np.uint64(shift))
    negative = inside >> np.uint64(63) == 1
    most = _most(deviation, shift)
    ahead = np.exp(block * math.log(2) - np.square(size / deviation) / 2) / most - uniform * 2.0**-64
    taken = ahead > 0
    for place in map(int, np.flatnonzero(np.abs(ahead) <= MARGIN)):
        proposal = (int(size[place]), int(block[place]), deviation, most)
        taken[place] = _below(int(uniform[place]), more(place), proposal)
    taken &= (zeros != 0) & ~(negative & (size == 0))  # -0 is 0, and must not make it twice as likely
    return np.where(negative, -size.astype(np.int64), size.astype(np.int64))[taken]


def _most(deviation: int, shift: int) -> float:
    """The largest ratio of wanted to proposed, at the beginning of a block; rounded up, so that none exceeds 1."""
    return max(math.exp(n * math.log(2) - (n * 2**shift / deviation) ** 2 / 2) for n in range(8)) * (1 + 2**-40)


def _chance(size: int, block: int, deviation: int, most: float, digits: int) -> Decimal:
    """Probability with which a proposal is taken; off by less than 10^-digits of itself."""
    with localcontext(prec=digits + 10):
        return Decimal(2) ** block * (-Decimal(size**2) / (2 * deviation**2)).exp() / Decimal(most)


def _below(number: int, more: Iterator[int], proposal: tuple[int, int, int, float]) -> bool:
    """Whether the uniform number of binary digits `number` (64 of them), then `more`, is below a proposal's chance."""
    bits, digits = 64, 30
    while True:
        with localcontext(prec=2 * digits + bits):
            unit, error, chance = Decimal(2) ** -bits, Decimal(10) ** -digits, _chance(*proposal, digits)
            if (number + 1) * unit <= chance * (1 - error):
                return True
            if number * unit >= chance * (1 + error):
                return False
        number, bits, digits = (number << 64) + next(more), bits + 64, digits + 20
