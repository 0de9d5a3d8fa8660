"""Time the compression kernels on 26 million values against a copy of the values, torch, NumPy and two threads.

`make bench` runs it: python benchmarks/kernels.py. It writes results/benchmarks/kernels.csv and kernels.{pdf,png}.
"""

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import pandas as pd
import torch
from common import RESULTS, write_rows
from matplotlib.figure import Figure

from privatune.compression.kernels.indices import pack_indices, unpack_indices
from privatune.compression.kernels.packing import encode_levels, pack_signs, pack_ternary
from privatune.compression.kernels.quantisation import bucket_norms, dequantise, quantise, ternary
from privatune.compression.kernels.selection import above, top_k
from privatune.core.streams import stream, stream_key
from privatune.report.style import GENERAL, PAGE, SMALL, USER, drawing, save_figure

VALUES, RUNS, SHARE, BUCKET, LEVELS = 26_000_000, 7, 0.001, 512, 127
KEY = stream_key(0, "benchmark rounding")
# required speed, as a multiple of the baseline's
BOUNDS = {
    "top 0.1 %, beside torch.topk": 12,
    "top 0.1 %, beside a copy": 1 / 2.5,
    "signs, beside a copy": 1 / 4,
    "ternary, beside a copy": 1 / 4,
    "QSGD, 8 bits, beside a copy": 1 / 4,
}


def calls(values: np.ndarray) -> dict[str, Callable[[int], Any]]:
    """The timed functions of the number of threads, by name; those that encode go from values to bytes."""
    k = round(SHARE * len(values))
    scale = 2.5 * float(values.std())

    def qsgd(threads: int) -> np.ndarray:
        norms = bucket_norms(values, BUCKET, "l2", threads)
        return encode_levels(values, norms, BUCKET, LEVELS, KEY, threads)

    equal = np.ones_like(values)
    norms = bucket_norms(values, BUCKET, "l2")
    codes = quantise(values, norms, BUCKET, LEVELS, KEY)
    chosen = top_k(values, len(values) // 100)
    packed = pack_indices(chosen)
    return {
        "top 0.1 %": lambda threads: top_k(values, k, threads),
        "signs": lambda threads: pack_signs(values, threads),
        "ternary": lambda threads: pack_ternary(ternary(values, scale, KEY, threads), threads),
        "QSGD, 8 bits": qsgd,
        "top 1 %": lambda threads: top_k(values, len(values) // 100, threads),
        "top 25 %": lambda threads: top_k(values, len(values) // 4, threads),
        "top 0.1 % of equal values": lambda threads: top_k(equal, k, threads),
        "above 3.3": lambda threads: above(values, 3.3, threads),
        "QSGD decoded": lambda threads: dequantise(codes, norms, BUCKET, LEVELS, threads),
        "1 % indices packed": lambda _: pack_indices(chosen),
        "1 % indices unpacked": lambda _: unpack_indices(packed, len(chosen), len(values)),
    }


def main() -> None:
    """Time all functions in turn, so that the runs to compare are close in time, and write a row for each pair."""
    torch.set_num_threads(1)
    values = stream(0, "benchmark values").standard_normal(VALUES, np.float32)
    k, target, tensor = round(SHARE * VALUES), np.ones_like(values), torch.from_numpy(values)
    kernels = calls(values)
    timed: dict[str, Callable[[], Any]] = {
        "a copy": lambda: np.copyto(target, values),
        "torch.topk": lambda: torch.topk(tensor.abs(), k, sorted=False),
        "numpy.argpartition": lambda: np.argpartition(np.abs(values), VALUES - k)[VALUES - k :],
    }
    for name, call in kernels.items():
        timed[name] = lambda call=call: call(1)
    shared = [name for name in kernels if not name.startswith("1 %")]
    for name in shared:
        timed[f"{name}, 2 threads"] = lambda call=kernels[name]: call(2)
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(RUNS + 1):
        for name, work in timed.items():
            start = perf_counter()
            work()
            seconds[name].append(perf_counter() - start)
    speed = {name: VALUES / 1e6 / median(found[1:]) for name, found in seconds.items()}
    pairs = [(name, name, "a copy") for name in kernels]
    pairs[:0] = [("top 0.1 %", "top 0.1 %", other) for other in ("torch.topk", "numpy.argpartition")]
    pairs += [(f"{name}, 2 threads", f"{name}, 2 threads", name) for name in shared]
    rows = [
        (f"{label}, beside {other if other in timed and other not in kernels else '1'}", speed[ours], speed[other])
        for label, ours, other in pairs
    ]
    unit = "million values/s"
    table = write_rows("kernels", [(name, fast, slow, unit, fast / slow, RUNS) for name, fast, slow in rows])
    save_figure(figure(table), RESULTS / "kernels.pdf", RESULTS / "kernels.png")


@drawing()
def figure(table: pd.DataFrame) -> Figure:
    """Draw the speeds as multiples of the baseline's, with the required minimum."""
    drawn = Figure(figsize=(PAGE, 0.7 + 0.17 * len(table)))
    axes = drawn.subplots()
    bars = axes.barh(table["name"], table["ratio"], color=GENERAL, height=0.65)
    axes.bar_label(bars, [f"{ratio:.3g}" for ratio in table["ratio"]], padding=3, fontsize=SMALL)
    places = [place for place, name in enumerate(table["name"]) if name in BOUNDS]
    bounds = [BOUNDS[name] for name in table["name"] if name in BOUNDS]
    axes.plot(bounds, places, "|", color=USER, markersize=9, markeredgewidth=1.5, label="required minimum")
    axes.set(xscale="log", xlim=(table["ratio"].min() / 1.5, 2 * table["ratio"].max()))
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"speed relative to the baseline, {VALUES // 10**6} million values, medians of {RUNS} runs")
    axes.legend(loc="lower right")
    return drawn


if __name__ == "__main__":
    main()
