"""Who takes part in which round."""

from privatune.core.errors import PrivatuneError
from privatune.core.streams import stream


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
    if size > persons:
        raise PrivatuneError(
            f"federation.cohort.size: {size} persons a round, but only {persons} have enough text to train on; "
            "lower it, lower `private.min_words` or bring more text"
        )
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
