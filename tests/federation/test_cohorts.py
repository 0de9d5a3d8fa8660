from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.errors import PrivatuneError
from privatune.federation.cohorts import cohort


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
