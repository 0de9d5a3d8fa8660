"""How many threads a training uses on a machine where other programs may keep a core busy.

Threads wait for each other several times per step. If another program keeps one of their cores busy, two threads are
slower than one.
"""

from collections.abc import Callable, Iterator, Sequence
from time import perf_counter

import torch

EVERY = 128  # steps from one trial to the next
TRIED = 2  # steps of each number of threads in a trial


def repeatable(compute: Callable[[], Sequence[torch.Tensor]], most: int) -> bool:
    """Return whether a computation gives the same bits with one thread and with `most`; torch then has `most`."""
    found = []
    for threads in (1, most):
        torch.set_num_threads(threads)
        found.append([part.clone() for part in compute()])
    return all(map(torch.equal, *found))


def paced(steps: int, most: int) -> Iterator[None]:
    """Yield before each step, when torch has one thread or `most`, whichever was faster lately; it has `most` at last.

    The steps must be `repeatable`, so that their results do not depend on what else the machine does.
    """
    best, fastest = most, {1: float("inf"), most: float("inf")}
    try:
        for taken in range(steps):
            place = taken % EVERY
            tried = place < 2 * TRIED
            threads = (1 if place % 2 else most) if tried else best
            torch.set_num_threads(threads)
            started = perf_counter()
            yield
            if tried:
                fastest[threads] = min(fastest[threads], perf_counter() - started)
            if place == 2 * TRIED - 1:
                best, fastest = min(fastest, key=fastest.__getitem__), dict.fromkeys(fastest, float("inf"))
    finally:
        torch.set_num_threads(most)
