"""Measure the seconds that a word or a sentence takes in several runtimes, which take turns."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

_TURN = 20  # items that one runtime reads before it is the turn of the next
Item = TypeVar("Item")


def seconds(
    runs: Mapping[str, Callable[[Item], object]], drawn: Sequence[Item], repeats: int
) -> dict[str, list[float]]:
    """Return the mean seconds of an item in each repeat, by runtime.

    The runtimes take turns of a few items, so that another program that keeps the machine busy slows all of them alike.
    A turn begins with an item that is not timed, because the caches then hold what the other runtimes used.

    Args:
        runs: for each runtime, the function that reads one item.
        drawn: the items, such as words or sentences.
        repeats: how often all of them are read.
    """
    found: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        spent = dict.fromkeys(runs, 0.0)
        for turn in _turns(drawn):
            for name, run in runs.items():
                run(turn[0])
                start = time.perf_counter()
                for item in turn:
                    run(item)
                spent[name] += time.perf_counter() - start
        for name in runs:
            found[name].append(spent[name] / len(drawn))
    return found


def _turns(drawn: Sequence[Item]) -> Iterator[Sequence[Item]]:
    for start in range(0, len(drawn), _TURN):
        yield drawn[start : start + _TURN]
