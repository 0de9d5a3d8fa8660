"""Draw noise in whole numbers: the discrete Gaussian, sampled exactly from a cryptographic stream.

Values are drawn by rejection, as Canonne, Kamath and Steinke (2020) do, but the proposal comes from random bits without
arithmetic: it is uniform within blocks whose length is a power of two, and each block is half as likely as the previous
one. Whether to accept a proposal is decided in float64 where rounding cannot change the answer, and otherwise in
decimal arithmetic with as many digits as the decision needs.
"""

import math
from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from functools import partial
from itertools import count

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.streams import random_words

PROPOSALS = 1 << 15  # drawn at a time; they fit into the processor's cache
# Two float64 numbers with errors below 2^-45 are compared correctly if they are at least this far apart.
MARGIN = 2.0**-40
LARGEST = 1 << 57  # the largest deviation; a value of 64 deviations still fits into an int64


def discrete_gaussian(size: int, deviation: int, seed: int, purpose: str, *keys: int | str) -> np.ndarray:
    """Return [size] int64 values, each x with a probability proportional to exp(-x^2 / (2 deviation^2)).

    Given random bits the draw is exact, except that values beyond 32 deviations, whose probability is below 2^-700, are
    never drawn.

    Args:
        size: how many values to draw.
        deviation: a whole number up to 2^57; the standard deviation is lower by less than 1e-6 of it. 0 means no noise.
        seed, purpose, keys: the stream; equal arguments give equal noise.

    Raises:
        PrivatuneError: the deviation is not within these bounds.
    """
    if not 0 <= deviation <= LARGEST:
        raise PrivatuneError(
            f"noise: a deviation of {deviation} steps is not between 0 and 2^57; change privacy.clip or "
            "privacy.noise_multiplier"
        )
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
    """Yield further digits, 64 bits at a time, of the uniform number that decides on a proposal."""
    return (int(random_words(1, seed, purpose, *keys, n)[0]) for n in count())


def _taken(words: np.ndarray, deviation: int, more: Callable[[int], Iterator[int]]) -> np.ndarray:
    """Return the accepted proposals; `words` is [3, proposals], each of 64 random bits."""
    inside, zeros, uniform = words
    shift = deviation.bit_length() - 1  # a block has 2^shift values: more than half the deviation, at most all of it
    block = np.bitwise_count((zeros & -zeros) - np.uint64(1))  # trailing zeros: n with probability 2^-(n + 1)
    size = (inside & np.uint64((1 << shift) - 1)) + (block.astype(np.uint64) << np.uint64(shift))
    negative = inside >> np.uint64(63) == 1
    most = _most(deviation, shift)
    ahead = np.exp(block * math.log(2) - np.square(size / deviation) / 2) / most - uniform * 2.0**-64
    taken = ahead > 0
    for place in map(int, np.flatnonzero(np.abs(ahead) <= MARGIN)):
        proposal = (int(size[place]), int(block[place]), deviation, most)
        taken[place] = _below(int(uniform[place]), more(place), proposal)
    taken &= (zeros != 0) & ~(negative & (size == 0))  # reject -0, or 0 would be twice as likely
    return np.where(negative, -size.astype(np.int64), size.astype(np.int64))[taken]


def _most(deviation: int, shift: int) -> float:
    """Return the largest ratio of target to proposal, at the start of a block; rounded up, so no chance exceeds 1."""
    return max(math.exp(n * math.log(2) - (n * 2**shift / deviation) ** 2 / 2) for n in range(8)) * (1 + 2**-40)


def _chance(size: int, block: int, deviation: int, most: float, digits: int) -> Decimal:
    """Return the probability of accepting a proposal, with a relative error below 10^-digits."""
    with localcontext(prec=digits + 10):
        return Decimal(2) ** block * (-Decimal(size**2) / (2 * deviation**2)).exp() / Decimal(most)


def _below(number: int, more: Iterator[int], proposal: tuple[int, int, int, float]) -> bool:
    """Tell whether a uniform number, with the 64 bits of `number` and then those of `more`, is below the chance."""
    bits, digits = 64, 30
    while True:
        with localcontext(prec=2 * digits + bits):
            unit, error, chance = Decimal(2) ** -bits, Decimal(10) ** -digits, _chance(*proposal, digits)
            if (number + 1) * unit <= chance * (1 - error):
                return True
            if number * unit >= chance * (1 + error):
                return False
        number, bits, digits = (number << 64) + next(more), bits + 64, digits + 20
