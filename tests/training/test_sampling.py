"""Poisson batches: independent draws, from a stream of their own for each step."""

import numpy as np
import pytest

from privatune.core.errors import PrivatuneError
from privatune.training.examples import Examples
from privatune.training.sampling import poisson, poisson_batches


def test_equal_seeds_and_steps_give_equal_batches_and_others_do_not():
    assert (poisson(500, 0.3, 7, 2) == poisson(500, 0.3, 7, 2)).all()
    for seed, step in [(8, 2), (7, 3)]:
        other = poisson(500, 0.3, seed, step)
        assert len(np.setdiff1d(poisson(500, 0.3, 7, 2), other)) > 50


def test_the_batch_has_the_size_and_the_spread_of_independent_draws():
    n, q = 200, 0.1
    drawn = [poisson(n, q, 3, step) for step in range(2000)]
    sizes = np.array([len(batch) for batch in drawn])
    deviation = np.sqrt(n * q * (1 - q))
    assert abs(sizes.mean() - n * q) < 4 * deviation / np.sqrt(len(sizes))
    assert abs(sizes.std() / deviation - 1) < 0.1
    counts = np.bincount(np.concatenate(drawn), minlength=n)
    assert abs(counts / len(drawn) - q).max() < 5 * np.sqrt(q * (1 - q) / len(drawn))


def test_indices_rise_and_an_example_is_in_at_most_once():
    for step in range(20):
        batch = poisson(50, 0.5, 1, step)
        assert batch.dtype == np.int64 and (np.diff(batch) > 0).all()


def test_everyone_nobody_and_no_examples():
    assert poisson(4, 1.0, 0, 1).tolist() == [0, 1, 2, 3]
    assert poisson(4, 0.0, 0, 1).size == 0 and poisson(4, 1e-30, 0, 1).size == 0
    assert poisson(0, 0.5, 0, 1).size == 0


@pytest.mark.parametrize("q", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(q):
    with pytest.raises(PrivatuneError, match="lower the batch size"):
        poisson(4, q, 0, 1)


def test_batches_hold_the_examples_of_the_draw():
    rows = np.arange(30, dtype=np.float32)[:, None]
    examples = Examples(rows, np.arange(30), np.ones(30, np.int64), np.arange(30))
    batch = poisson_batches(examples, 12, seed=4, most_tokens=5)
    parts = list(batch(2))
    assert [len(labels) for _, _, labels in parts][:-1] == [5] * (len(parts) - 1)
    labels = np.concatenate([labels.numpy() for _, _, labels in parts])
    assert (labels == poisson(30, 12 / 30, 4, 2)).all()
    assert all((inputs[:, 0] == labels).all() for inputs, _, labels in parts)
