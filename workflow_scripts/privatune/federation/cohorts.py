"""The persons who take part in each round."""

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
    queue: list[int] = []
    taken: list[int] = []
    passes = 0
    for _ in range(round_number):
        taken = []
        while len(taken) < size:
            if not set(queue) - set(taken):
                queue += stream(seed, "cohort", passes).permutation(persons).tolist()
                passes += 1
            person = next(person for person in queue if person not in taken)
            queue.remove(person)
            taken.append(person)
    return taken


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
    return np.argsort(random_words(persons, seed, "fixed cohort", round_number), kind="stable")[:size].tolist()


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
