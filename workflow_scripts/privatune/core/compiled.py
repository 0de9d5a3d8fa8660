"""Functions compiled by numba, and how their work is divided among threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from numba import njit

Ranges = list[tuple[int, int]]


def compiled(function: Callable) -> Callable:
    """Compile a function so that it releases Python's lock; a cache on disk saves the next process some seconds."""
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # no cache is possible: neither this folder nor the user's cache folder can be written
        return njit(nogil=True)(function)


def ranges(size: int, threads: int, step: int = 1) -> Ranges:
    """Split range(size) into at most `threads` parts that begin at multiples of `step`; size 0 gives one empty part.

    >>> ranges(10, 2, 4), ranges(3, 4, 4), ranges(0, 2)
    ([(0, 8), (8, 10)], [(0, 3)], [(0, 0)])
    """
    if threads < 1:
        raise ValueError(f"expected {threads=} >= 1")
    length = max(-(-size // (threads * step)) * step, 1)
    return [(start, min(start + length, size)) for start in range(0, max(size, 1), length)]


def each(work: Callable[[int, int], Any], parts: Sequence[tuple[int, int]]) -> list[Any]:
    """Return [work(start, stop) for each part], computed with one thread per part.

    These are Python threads over kernels that release Python's lock. Numba's parallel loops are not used: they need a
    thread pool that breaks in a forked process or when two threads call it, and they take twice as long to compile.
    """
    if len(parts) == 1:
        return [work(*parts[0])]
    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(lambda part: work(*part), parts))
