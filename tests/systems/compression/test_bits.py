import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.systems.compression.bits import bits_at_equal_quality, bits_to_reach, pareto_front


def run(bits, perplexity):
    return pd.DataFrame({"bits_up": bits, "ppl_average": perplexity})


def test_between_points_bits_follow_a_line_in_logarithms():
    assert bits_to_reach([0, 10, 1000], [400, 200, 50], 100) == pytest.approx(100)
    assert bits_to_reach([0, 10, 1000], [400, 200, 50], 50) == 1000
    assert bits_to_reach([0, 10, 1000], [400, 200, 50], 400) == 0
    assert math.isnan(bits_to_reach([0, 10], [400, 200], 199))


def test_a_worse_point_after_a_good_one_does_not_count():
    assert bits_to_reach([0, 10, 20, 30], [400, 100, 300, 90], 100) == 10


@given(
    perplexity=st.lists(st.floats(10, 1000), min_size=2, max_size=8),
    level=st.floats(10, 1000),
)
def test_bits_never_exceed_those_of_the_first_point_that_is_good_enough(perplexity, level):
    bits = [0.0, *(10.0**place for place in range(1, len(perplexity)))]
    found = bits_to_reach(bits, perplexity, level)
    enough = [b for b, p in zip(bits, perplexity, strict=True) if p <= level]
    assert math.isnan(found) if not enough else found <= enough[0] * (1 + 1e-9)


def test_equal_quality_is_the_lowest_that_both_reach():
    ours, theirs = run([0, 8, 16], [400, 100, 50]), run([0, 1000, 2000], [400, 300, 100])
    assert bits_at_equal_quality(ours, theirs, "bits_up") == (8, 2000)
    assert bits_at_equal_quality(theirs, ours, "bits_up") == (2000, 8)


def test_a_run_that_never_beats_its_start_has_no_ratio():
    ours, theirs = run([0, 8], [400, 100]), run([0, 1000], [400, 500])
    assert all(map(math.isnan, bits_at_equal_quality(ours, theirs, "bits_up")))


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=1, max_size=20))
def test_the_front_has_just_the_points_that_none_beats(points):
    front = pareto_front(*zip(*points, strict=True))
    beaten = [p for p in points if any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in points)]
    assert set(front) == set(points) - set(beaten)
    assert front == sorted(front)
