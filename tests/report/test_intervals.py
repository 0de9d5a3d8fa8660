import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.streams import stream
from privatune.report.intervals import difference, interval, ratio


def models(values, first_seed=0, number=1):
    return pd.DataFrame({"seed": range(first_seed, first_seed + len(values)), "round": number, "ppl": values})


def test_the_interval_covers_the_mean_as_often_as_it_says():
    draws = stream(0, "coverage").normal(5, 2, (4000, 3))
    found = [interval(sample) for sample in draws]
    assert np.mean([one.low <= 5 <= one.high for one in found]) == pytest.approx(0.95, abs=0.012)


def test_fewer_than_two_values_have_no_interval():
    assert interval([4.0])[:1] == (4.0,) and math.isnan(interval([4.0]).low) and interval([4.0]).n == 1
    assert math.isnan(interval([]).middle) and interval([math.nan]).n == 0


def test_pairs_are_made_by_seed():
    ours, theirs = models([10.0, 20.0, 30.0]), models([1.0, 2.0, 3.0], first_seed=1).iloc[::-1]
    found = difference(ours, theirs, "ppl")
    assert found.n == 2 and found.middle == pytest.approx(((20 - 1) + (30 - 2)) / 2)


def test_the_initial_model_is_the_same_under_every_seed():
    ours, initial = models([10.0, 20.0], first_seed=3), models([5.0], number=0)
    assert difference(ours, initial, "ppl").middle == 10 and difference(ours, initial, "ppl").n == 2
    assert difference(initial, ours, "ppl").middle == -10 and difference(initial, ours, "ppl").n == 2


def test_pairing_takes_out_what_the_seeds_share():
    shared = np.array([10.0, 50.0, 90.0])
    found = difference(models(shared + np.array([1.0, 1.1, 0.9])), models(shared), "ppl")
    assert 0.7 < found.low < 1 < found.high < 1.3


def test_nothing_to_compare_with_gives_nothing():
    assert difference(models([1.0]), models([]), "ppl").n == 0
    assert difference(models([]), models([1.0], number=0), "ppl").n == 0


@given(st.floats(0.1, 10), st.lists(st.floats(1, 1000), min_size=2, max_size=6))
def test_a_ratio_knows_no_unit(scale, values):
    theirs = [100.0 + place for place in range(len(values))]
    one = ratio(models(values), models(theirs), "ppl")
    two = ratio(models([scale * value for value in values]), models(theirs), "ppl")
    assert two[:3] == pytest.approx(tuple(scale * part for part in one[:3]), rel=1e-6)
    assert one.low <= one.middle <= one.high
