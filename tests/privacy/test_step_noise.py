"""The noise of all steps: its size, its deviation, and what it depends on."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import chi2, kstest

from privatune.core.streams import stream_key
from privatune.privacy.mechanism import Mechanism
from privatune.privacy.step_noise import step_noise
from privatune.training.zeroth_order import direction_seeds

SCALAR = Mechanism("poisson", 500, 20, 400, 1.7, 3.0, 1e-4, unit="example", noised="scalar")


@pytest.mark.parametrize("noised", ["scalar", "vector"])
def test_each_step_has_noise_of_its_own_with_the_deviation_that_is_accounted_for(noised):
    mechanism = replace(SCALAR, noised=noised)
    rows = list(step_noise(mechanism, 8, 5))
    assert len(rows) == mechanism.rounds
    assert all(row.shape == (8,) and row.dtype == np.int64 for row in rows)
    noise = np.concatenate(rows) * mechanism.spacing(mechanism.clip) / (1.7 * 3.0)
    assert kstest(noise, "norm").pvalue > 1e-3
    low, high = chi2.ppf([1e-4, 1 - 1e-4], len(noise))
    assert low < np.square(noise).sum() < high
    assert len(set(np.concatenate(rows).tolist())) == len(noise), "nothing is used twice"
    # the sum's unit is so small that an example's clipped slopes and its noise fit into an int64
    assert np.abs(np.concatenate(rows)).max() < 2**62


def test_the_noise_follows_from_its_own_seed_and_from_no_seed_of_a_direction():
    first = np.asarray(step_noise(SCALAR, 4, 5))
    assert (np.asarray(step_noise(SCALAR, 4, 5)) == first).all()
    assert (np.asarray(step_noise(SCALAR, 4, 6)) != first).all()
    for public in (5, stream_key(5, "directions"), *direction_seeds(4, 5, 1)):
        if public != 5:
            assert (np.asarray(step_noise(SCALAR, 4, public)) != first).all()


def test_without_noise_the_rows_are_zero():
    assert not np.any(step_noise(replace(SCALAR, noise_multiplier=0.0), 2, 1))
