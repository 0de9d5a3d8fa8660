from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.errors import PrivatuneError
from privatune.core.streams import random_words, stream
from privatune.federation.cohorts import _pass, cohort, fixed_cohort


@given(data=st.data(), persons=st.integers(1, 25), rounds=st.integers(1, 12), seed=st.integers(0, 5))
def test_everyone_takes_part_once_before_anyone_does_again(data, persons, rounds, seed):
    size = data.draw(st.integers(1, persons))
    visits = Counter()
    for number in range(1, rounds + 1):
        members = cohort(persons, size, number, seed)
        assert len(set(members)) == size
        assert set(members) <= set(range(persons))
        visits.update(members)
        counts = [visits[person] for person in range(persons)]
        assert max(counts) - min(counts) <= 1 or (size > 1 and max(counts) - min(counts) <= 2)
    assert max(visits.values()) <= -(-rounds * size // persons) + 1
    first = rounds if rounds * size <= persons else persons // size
    assert len({p for n in range(1, first + 1) for p in cohort(persons, size, n, seed)}) == first * size


def test_seeds_and_rounds_draw_apart():
    assert cohort(200, 10, 1, 0) != cohort(200, 10, 1, 1)
    assert set(cohort(200, 10, 1, 0)).isdisjoint(cohort(200, 10, 2, 0))


def test_a_cohort_larger_than_the_persons_is_refused():
    with pytest.raises(PrivatuneError, match=r"cohort: a round needs 11 persons, but only 10"):
        cohort(10, 11, 1, 0)


def slow_cohort(persons, size, round_number, seed):
    """One queue, from which persons are taken one after the other."""
    queue, passes = [], 0
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


@given(data=st.data(), persons=st.integers(1, 25), number=st.integers(1, 30), seed=st.integers(0, 50))
def test_a_cohort_is_the_slow_one(data, persons, number, seed):
    size = data.draw(st.integers(1, persons))
    assert cohort(persons, size, number, seed) == slow_cohort(persons, size, number, seed)


def test_golden_cohorts():
    """What the default run draws must stay what it was."""
    assert cohort(200, 10, 3, 0) == [43, 107, 163, 176, 129, 141, 164, 29, 146, 128]
    across = [person for number in (78, 79) for person in cohort(389, 5, number, 1)]  # two passes
    assert across == [295, 23, 149, 154, 14, 315, 58, 166, 77, 285]
    for persons, size in ((200, 5), (1, 1), (70, 70), (5000, 40)):
        order = np.argsort(random_words(persons, 0, "fixed cohort", 2), kind="stable")
        assert fixed_cohort(persons, size, 2, 0) == order[:size].tolist()


def test_rounds_of_a_million_persons_draw_their_pass_once_and_no_other():
    """The slow one takes 1.1 s for the first round of 100,000 persons, and 300 times that for round 300."""
    persons, size = 1_000_000, 100
    _pass.cache_clear()
    for number in (10_001, 10_050, 19_900, 20_000):
        assert len(set(cohort(persons, size, number, 0))) == size
    assert _pass.cache_info().misses == 1
    _pass.cache_clear()
