"""Time pretraining's step with two threads, on a quiet machine and beside a program that keeps one core busy.

`make bench` runs it: python benchmarks/threads.py. It writes results/benchmarks/threads.csv. The baselines are what is
faster in each case: two threads that wait by spinning, as OpenMP does by itself, and one thread.
"""

import os
import subprocess
import sys
from statistics import median
from time import perf_counter

from common import write_rows

from privatune.core.job import SPINS

WORDS, BATCH, BPTT, STEPS, RUNS = 20_000, 20, 20, 256, 3


def speed(threads: int) -> float:
    """Return the words per second of a training that uses at most `threads` threads."""
    import torch

    from privatune.core.streams import stream
    from privatune.models.network import initial_weights, zero_state
    from privatune.models.settings import LstmSettings
    from privatune.training.step import learner, train_step
    from privatune.training.threads import paced

    text = torch.from_numpy(stream(0, "benchmark text").integers(0, WORDS, (BPTT + 1, BATCH)))
    lm = learner(initial_weights(LstmSettings(), WORDS, stream(0, "benchmark weights")), torch.bfloat16)
    state = zero_state(lm.computing, BATCH)
    torch.set_num_threads(threads)
    for _ in range(4):
        train_step(lm, text[:-1], text[1:], state, 0.1, 5.0)
    start = perf_counter()
    for _ in paced(STEPS, threads):
        train_step(lm, text[:-1], text[1:], state, 0.1, 5.0)
    return STEPS * BATCH * BPTT / (perf_counter() - start)


def measured(threads: int, spins: str | None) -> float:
    """Return the speed in a process of its own, whose threads wait by `spins` rounds of spinning, or OpenMP's own."""
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    environment |= {"GOMP_SPINCOUNT": spins} if spins else {}
    environment |= {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", f"import threads; print(threads.speed({threads}))"]
    return float(subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout)


def main() -> None:
    """Time each case in turn, and write a row for each."""
    rows = []
    for name, busy, baseline in (("quiet", False, (2, None)), ("one core busy", True, (1, SPINS))):
        other = subprocess.Popen([sys.executable, "-c", "while True: pass"]) if busy else None
        try:
            pairs = [(measured(2, SPINS), measured(*baseline)) for _ in range(RUNS)]
        finally:
            if other:
                other.kill()
        ours, plain = (median(values) for values in zip(*pairs, strict=True))
        rows.append((f"pretraining's step, {name}", ours, plain, "tokens/s", ours / plain, RUNS))
    write_rows("threads", rows)


if __name__ == "__main__":
    main()
