"""Functions compiled by numba, and how their work is shared out over threads."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from numba import njit

Ranges = list[tuple[int, int]]


def compiled(function: Callable) -> Callable:
    """Compile for one thread, without Python's lock; what was compiled is kept for the next process, saving seconds."""
    try:
        return njit(cache=True, nogil=True)(function)
    except RuntimeError:  # nowhere to keep it: neither this folder nor the user's cache can be written
        return njit(nogil=True)(function)


def ranges(size: int, threads: int, step: int = 1) -> Ranges:
    """Cut range(size) into at most `threads` parts that begin at multiples of `step`; one part where size is 0.

    >>> ranges(10, 2, 4), ranges(3, 4, 4), ranges(0, 2)
    ([(0, 8), (8, 10)], [(0, 3)], [(0, 0)])
    """
    if threads < 1:
        raise ValueError(f"expected {threads=} >= 1")
    length = max(-(-size // (threads * step)) * step, 1)
    return [(start, min(start + length, size)) for start in range(0, max(size, 1), length)]


def each(work: Callable[[int, int], Any], parts: Sequence[tuple[int, int]]) -> list[Any]:
    """[work(start, stop) for each part], a thread a part.

    Threads of Python over kernels that let go of its lock, not numba's parallel loops: these need a pool of OpenMP or
    of their own, which breaks in a forked process or when two threads call it, and compile twice as long.
    """
    if len(parts) == 1:
        return [work(*parts[0])]
    with ThreadPoolExecutor(len(parts)) as pool:
        return list(pool.map(lambda part: work(*part), parts))
