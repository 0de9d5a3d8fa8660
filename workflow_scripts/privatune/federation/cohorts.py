"""The persons who take part in each round."""

from collections import deque
from functools import lru_cache

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.streams import random_words, stream


def cohort(persons: int, size: int, round_number: int, seed: int) -> list[int]:
    """Return the persons of a round, in the order in which their updates are summed.

    Persons are drawn without replacement until all have taken part; then a new pass over all of them begins. A round
    that spans two passes takes nobody twice: a person who would be drawn again waits for the next round.

    Args:
        persons: number of persons, who are numbered from 0.
        size: number of persons per round.
        round_number: number of the round, counted from 1.
        seed: seed of the replicate.

    Raises:
        PrivatuneError: the cohort would be larger than the population.

    >>> sorted(cohort(4, 2, 1, seed=0) + cohort(4, 2, 2, seed=0))
    [0, 1, 2, 3]
    """
    refuse_too_many(persons, size)
    if size == 0 or round_number < 1:
        return []
    if 2 * size > persons:
        return _one_after_the_other(persons, size, round_number, seed)
    first = (round_number - 1) * size  # visits before this round
    current, start = divmod(first, persons)
    found = _next_of_pass(persons, size, current, seed, slice(start, start + size))
    if start + size > persons:  # the round spans two passes: the second gives those who are not yet taken
        found += _at_the_front(persons, size, current + 1, seed)[: size - len(found)]
    return found


def _next_of_pass(persons: int, size: int, number: int, seed: int, places: slice) -> list[int]:
    """Return the persons at some places of a pass, in the order in which its persons take part."""
    front = _at_the_front(persons, size, number, seed) if places.start < size else []
    rest = _pass(persons, number, seed)[max(places.start, len(front)) : places.stop].tolist()
    return front[places] + rest


def _at_the_front(persons: int, size: int, number: int, seed: int) -> list[int]:
    """Return the first persons of a pass, as far as they are in another order than drawn.

    The round that spans this pass and the one before takes nobody twice. Those whom it passes over come next. It takes
    less than a cohort from either pass, and a pass has at least two cohorts, so the end of a pass stays as drawn.
    """
    before = number * persons % size  # how many persons that round takes from the pass before
    if before == 0:
        return []
    taken = set(_pass(persons, number - 1, seed)[persons - before :].tolist())
    drawn = _pass(persons, number, seed)[:size].tolist()  # at most `before` of them are passed over
    chosen = dict.fromkeys([person for person in drawn if person not in taken][: size - before])
    return [*chosen, *(person for person in drawn if person not in chosen)]


@lru_cache(maxsize=3)  # a round needs at most three; a job asks for its rounds in order
def _pass(persons: int, number: int, seed: int) -> np.ndarray:
    """[persons] uint32: the persons in the order in which a pass draws them."""
    return stream(seed, "cohort", number).permutation(persons).astype(np.uint32)


def _one_after_the_other(persons: int, size: int, round_number: int, seed: int) -> list[int]:
    """Return the same as `cohort` for cohorts of any size, by going through all rounds up to this one."""
    waiting: deque[int] = deque()
    passes = 0
    taken: dict[int, None] = {}
    for _ in range(round_number):
        taken, again = {}, []
        while len(taken) < size:
            if not waiting:
                waiting.extend(_pass(persons, passes, seed).tolist())
                passes += 1
            person = waiting.popleft()
            if person in taken:
                again.append(person)
            else:
                taken[person] = None
        waiting.extendleft(reversed(again))
    return list(taken)


def fixed_cohort(persons: int, size: int, round_number: int, seed: int) -> list[int]:
    """Draw `size` persons uniformly and without replacement, independently in each round.

    This is what accountants mean by a fixed-size cohort. `cohort` is different: there a person who took part waits for
    all others, so that past rounds tell who can still be drawn.

    Args:
        persons: number of persons, who are numbered from 0.
        size: number of persons per round.
        round_number: number of the round, counted from 1.
        seed: seed of the cohorts, which must be secret where privacy is claimed.

    Raises:
        PrivatuneError: the cohort would be larger than the population.
    """
    refuse_too_many(persons, size)
    # persons are ordered by random numbers, of which two are equal with a probability below persons^2 / 2^65
    words = random_words(persons, seed, "fixed cohort", round_number)
    near = (words <= np.uint64(min(2**64 - 1, (2 * size + 64 << 64) // persons))).nonzero()[0]
    if len(near) < size:  # next to never: twice as many are expected
        near = np.arange(persons)
    return near[np.argsort(words[near], kind="stable")][:size].tolist()


def poisson_cohort(persons: int, expected: int, round_number: int, seed: int) -> list[int]:
    """Draw each person independently with probability expected / persons; the cohort may be empty or everyone.

    The arguments and errors are those of `fixed_cohort`, except that `expected` is the mean size of a cohort.
    """
    refuse_too_many(persons, expected)
    # a 64-bit number is at most `most` with probability q, rounded down to a multiple of 2^-64
    most = np.uint64((expected << 64) // persons - 1)
    return (random_words(persons, seed, "poisson cohort", round_number) <= most).nonzero()[0].tolist()


def carriers_drawn(carriers: int, participation: float, round_number: int, seed: int) -> list[int]:
    """Draw the synthetic persons of a round, numbered from 0, each independently with probability `participation`.

    The seed may be public even where the persons' seed is secret: carriers have nothing to hide, and because they are
    drawn from a stream of their own, they reveal nothing about which persons take part.
    """
    return (stream(seed, "carriers", round_number).random(carriers) < participation).nonzero()[0].tolist()


def refuse_too_many(persons: int, size: int, key: str = "cohort") -> None:
    """Raise PrivatuneError, about the key that the user can change, where a cohort is larger than the population."""
    if size > persons:
        raise PrivatuneError(
            f"{key}: a round needs {size} persons, but only {persons} have enough text to train on; lower it, lower "
            "`private.min_words`, or bring more text"
        )
