"""Who takes part in which round."""

import numpy as np

from privatune.core.errors import PrivatuneError
from privatune.core.streams import random_words, stream


def cohort(persons: int, size: int, round_number: int, seed: int) -> list[int]:
    """The persons of a round, in the order in which their updates are summed.

    Persons are drawn without replacement until all have taken part, then anew. A round that straddles two such
    passes takes nobody twice: who would be, waits at the head of the next round.

    Args:
        persons: number of persons, known as 0 .. persons - 1.
        size: persons a round.
        round_number: counted from 1.
        seed: of the scenario's replicate.

    Raises:
        PrivatuneError: more persons are asked for than there are.

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
    """`size` persons, uniformly and without replacement, anew each round: what accountants mean by a fixed-size cohort.

    `cohort` is not that: a person who took part waits there for all others, which tells who may be drawn.

    Args:
        persons: number of persons, known as 0 .. persons - 1.
        size: persons a round.
        round_number: counted from 1.
        seed: of the cohorts; secret where privacy is claimed.

    Raises:
        PrivatuneError: more persons are asked for than there are.
    """
    refuse_too_many(persons, size)
    # the order of random numbers; two are equal with a probability below persons^2 / 2^65
    return np.argsort(random_words(persons, seed, "fixed cohort", round_number), kind="stable")[:size].tolist()


def poisson_cohort(persons: int, expected: int, round_number: int, seed: int) -> list[int]:
    """Each person with probability expected / persons, on their own; the cohort may be empty or everyone.

    Arguments and errors as of `fixed_cohort`, but that `expected` is the mean size over rounds.
    """
    refuse_too_many(persons, expected)
    # as often as a 64-bit number is below q of all of them, which is less often than q by 2^-64 at most
    most = np.uint64((expected << 64) // persons - 1)
    return (random_words(persons, seed, "poisson cohort", round_number) <= most).nonzero()[0].tolist()


def carriers_drawn(carriers: int, participation: float, round_number: int, seed: int) -> list[int]:
    """Synthetic persons of a round, known as 0 .. carriers - 1: each with the same probability, on their own.

    The seed may be public where the persons' is secret: carriers have nothing to hide, and as they are drawn from a
    stream of their own, those who come tell nothing of the persons who do.
    """
    return (stream(seed, "carriers", round_number).random(carriers) < participation).nonzero()[0].tolist()


def refuse_too_many(persons: int, size: int, key: str = "cohort") -> None:
    """Raise PrivatuneError, about the key that the user can change, where a cohort is larger than the population."""
    if size > persons:
        raise PrivatuneError(
            f"{key}: a round needs {size} persons, but only {persons} have enough text to train on; lower it, lower "
            "`private.min_words`, or bring more text"
        )
