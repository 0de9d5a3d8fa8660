import numpy as np
import pytest

from privatune.core.streams import stream
from privatune.evaluation.resampling import clusters, resamples


def test_resamples_are_the_same_for_every_model_and_differ_by_text_and_seed():
    first = resamples(8, 50, 0, "user")
    assert (first == resamples(8, 50, 0, "user")).all() and first.shape == (50, 8)
    assert (first != resamples(8, 50, 0, "general")).any() and (first != resamples(8, 50, 1, "user")).any()


def test_the_spread_over_resamples_is_that_over_samples():
    """Of few clusters, too: drawing as many as there are would make the variance of a mean 4 / 5 of what it is."""
    draws = stream(0, "clusters").normal(0, 1, (1000, 5))
    told = [np.var(resamples(5, 100, trial, "t") @ sample / 4, ddof=1) for trial, sample in enumerate(draws)]
    assert np.mean(told) == pytest.approx(1 / 5, rel=0.06)


def test_all_chunks_of_a_person_are_one_cluster():
    assert clusters(np.array([3, 3, 5, 9])).tolist() == [0, 0, 1, 2]
    assert clusters(np.array([4, 4, 4])).tolist() == [0, 1, 2], "one document: its chunks stand for others"
