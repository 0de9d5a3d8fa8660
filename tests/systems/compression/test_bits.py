import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.streams import stream
from privatune.report.verdicts import UNDECIDED, higher, verdict
from privatune.systems.compression.bits import (
    ANYWHERE,
    Span,
    bits_to_keep,
    pareto_front,
    spanned,
    times_the_bits,
)


def run(bits, perplexity):
    return pd.DataFrame({"bits_up": bits, "ppl_average": perplexity})


def test_between_points_bits_follow_a_line_in_logarithms():
    assert bits_to_keep([0, 10, 1000], [400, 200, 50], 100) == pytest.approx((100, 100))
    assert bits_to_keep([0, 10, 1000], [400, 200, 50], 50) == (1000, 1000)


def test_a_dip_does_not_count_where_a_later_point_is_worse():
    dips = bits_to_keep([0, 10, 20, 30, 40], [400, 100, 300, 90, 80], 100)
    assert 20 < dips.low == dips.high < 30


def test_what_lies_outside_the_measured_points_is_bounded():
    assert bits_to_keep([0, 10, 20], [400, 200, 100], 300) == (0, 10), "good enough at the first look"
    assert bits_to_keep([0, 10], [400, 200], 199) == (10, math.inf), "not good enough at the last"
    assert bits_to_keep([0, 10], [400, 200], 400) == (0, 0), "good enough from the start"


@given(perplexity=st.lists(st.floats(10, 1000), min_size=2, max_size=8), level=st.floats(10, 1000))
def test_bits_lie_between_the_last_point_that_is_worse_and_the_next(perplexity, level):
    bits = [0.0, *(10.0**place for place in range(1, len(perplexity)))]
    found = bits_to_keep(bits, perplexity, level)
    worse = [place for place, p in enumerate(perplexity) if p > level]
    assert found.low >= (bits[worse[-1]] if worse else 0) * (1 - 1e-6)
    after = worse[-1] + 1 if worse else 0
    assert found.high <= bits[after] * (1 + 1e-6) if after < len(bits) else found.high == math.inf


def test_equal_quality_is_the_worse_of_the_two_ends():
    ours, theirs = run([0, 4, 8, 16], [400, 200, 100, 50]), run([0, 1000, 2000], [400, 300, 100])
    assert times_the_bits(ours, theirs, "bits_up") == (2000 / 8, 2000 / 8)
    assert times_the_bits(theirs, ours, "bits_up") == (8 / 2000, 8 / 2000)


def test_a_lucky_dip_is_not_the_level():
    """It was: the lowest point that both reach, here 60 of a curve that ends at 100."""
    ours, theirs = run([0, 8, 16, 32], [400, 60, 200, 100]), run([0, 1000, 2000], [400, 300, 50])
    found = times_the_bits(ours, theirs, "bits_up")
    assert found.low == found.high == pytest.approx(bits_to_keep([0, 1000, 2000], [400, 300, 50], 100).low / 32)


def test_a_first_point_that_is_good_enough_bounds_the_ratio():
    ours, theirs = run([0, 8, 16], [400, 90, 80]), run([0, 1000, 2000], [400, 300, 100])
    assert times_the_bits(ours, theirs, "bits_up") == (2000 / 8, math.inf)
    assert times_the_bits(theirs, ours, "bits_up") == (0, 8 / 2000)
    both = run([0, 8, 16], [400, 90, 90]), run([0, 1000, 2000], [400, 90, 90])
    assert times_the_bits(*both, "bits_up") == ANYWHERE


def test_a_run_that_never_beats_its_start_needs_more_than_all_of_its_bits():
    ours, theirs = run([0, 8, 16], [400, 200, 100]), run([0, 1000], [400, 500])
    assert times_the_bits(ours, theirs, "bits_up") == (1000 / 16, math.inf)
    assert times_the_bits(theirs, ours, "bits_up") == (0, 16 / 1000)
    assert times_the_bits(theirs, theirs, "bits_up") == ANYWHERE


def test_the_interval_of_measured_ratios_is_the_t_interval():
    found = spanned([Span(2.0, 2.0), Span(4.0, 4.0), Span(8.0, 8.0)])
    half = 4.3026527 * math.log(2) / math.sqrt(3)
    assert found[:4] == pytest.approx((4, 4 * math.exp(-half), 4 * math.exp(half), 3))


def test_bounds_decide_only_what_they_can():
    lower = spanned([Span(10.0, math.inf), Span(11.0, 11.0), Span(12.0, math.inf)])
    assert 8 < lower.low < 10 and lower.high == math.inf and 10 < lower.middle < 12 and lower.n == 3
    upper = spanned([Span(0.0, 0.1), Span(0.2, 0.2)])
    assert upper.low == 0 and upper.high > 0.2
    unknown = spanned([Span(10.0, 10.0), Span(11.0, 11.0), ANYWHERE])
    assert (unknown.low, unknown.high, unknown.n) == (0, math.inf, 3) and math.isnan(unknown.middle)
    assert all(map(math.isnan, spanned([])[:3])) and spanned([]).n == 0


def test_equal_bounds_decide_nothing():
    """Their t interval has no width. A claim held by it, with p = 1e-9, after two seeds."""
    for bounds in ([Span(10.0, math.inf)] * 2, [Span(0.0, 0.1)] * 3):
        found = spanned(bounds)
        assert (found.low, found.high) == (0, math.inf)
        assert verdict(higher(), found.map(math.log1p), math.nan) == UNDECIDED
    measured = spanned([Span(10.0, 10.0)] * 3)
    assert measured.low == measured.high == pytest.approx(10), "and a verdict needs a width"


def test_equal_curves_of_different_noise_take_equal_bits():
    """At the first dip to the lowest point that both reach, 6 % of noise beside 0.5 % came out at a factor of 0.41."""
    bits = np.array([0, 2, 5, 10, 20, 35, 50, 65, 80, 90, 100.0])
    mean = np.array([125, 109, 95, 92, 89.5, 87, 86, 85.3, 84.5, 83.8, 83.4])

    def drawn(noise, *key):
        factor = np.exp(noise * stream(0, "noise", *key).standard_normal(len(mean)))
        return run(bits, np.where(bits > 0, mean * factor, mean))

    found = [
        spanned([times_the_bits(drawn(0.005, n, seed), drawn(0.06, n, seed + 9), "bits_up") for seed in range(4)])
        for n in range(200)
    ]
    covered = np.mean([interval.low <= 1 <= interval.high for interval in found])
    assert covered >= 0.93
    assert 0.85 < np.exp(np.median([math.log(interval.middle) for interval in found])) < 1.3


@given(st.lists(st.tuples(st.integers(1, 50), st.integers(1, 50)), min_size=1, max_size=20))
def test_the_front_has_just_the_points_that_none_beats(points):
    front = pareto_front(*zip(*points, strict=True))
    beaten = [p for p in points if any(q[0] <= p[0] and q[1] <= p[1] and q != p for q in points)]
    assert set(front) == set(points) - set(beaten)
    assert front == sorted(front)
