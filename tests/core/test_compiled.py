import threading
from itertools import product

import pytest

from privatune.core.compiled import compiled, each, ranges


def test_compiled_where_nothing_can_be_written(monkeypatch):
    monkeypatch.setattr("numba.core.caching.CompileResultCacheImpl._locator_classes", [])
    assert compiled(lambda number: number + 1)(1) == 2


def test_ranges_cover_everything_once():
    for size, threads, step in product([0, 1, 7, 8, 9, 64, 1000], [1, 2, 3, 50], [1, 8]):
        parts = ranges(size, threads, step)
        assert 1 <= len(parts) <= threads
        assert [i for start, stop in parts for i in range(start, stop)] == list(range(size))
        assert all(start % step == 0 for start, _ in parts)


def test_no_threads_are_refused():
    with pytest.raises(ValueError, match="threads=0"):
        ranges(1, 0)


def test_each_keeps_the_order_and_shares_out():
    together = threading.Barrier(3, timeout=10)

    def work(start, stop):
        together.wait()
        return start + stop

    assert each(work, [(0, 1), (1, 2), (2, 3)]) == [1, 3, 5]


def test_an_error_of_a_thread_is_raised():
    with pytest.raises(ZeroDivisionError):
        each(lambda start, stop: 1 // start, [(0, 1), (1, 2)])
