"""Judge whether averaging needs fewer bits than compressed gradients, as Popov et al. (2018) claim without figures."""

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from privatune.report.intervals import Interval, interval, values_of
from privatune.report.verdicts import Claim, Rule, Tables, above, not_higher, replicates_needed
from privatune.systems.compression.bits import spanned, times_the_bits

SYSTEM = "Gradient compression"
TABLES = {"compression": "method mode codec download memory seed steps ppl_average bits_up bits_down".split()}
UP, BOTH = ("bits_up", "up"), ("bits_total", "up and down")

MORE = above("1", lambda _: 1.0)


def claims(tables: Tables) -> Iterator[Claim]:
    """Compare the first method with each other one, by bits up and by all bits; averaging with a compressed download
    with each gradient method, by all bits; and DGC with dense gradients.
    """
    for base, method, (bits, which) in _pairs(tables["compression"]):
        yield Claim(
            f"{base} needs fewer bits {which} than {method} at equal average PPL: factor",
            "times",
            lambda _: math.nan,
            partial(_times, column=bits, method=method, base=base),
            MORE,
            needed=_needed,
        )
    for dgc in _gradients(tables["compression"], "dgc"):
        if _gradients(tables["compression"], "dense"):
            yield Claim(
                f"DGC ({dgc}) is as good as dense gradients at its compression ratio: final average PPL",
                "%",
                lambda _: 0.0,
                partial(_beside_dense, method=dgc),
                not_higher(1),
            )


def note(tables: Tables) -> str:
    """Explain what is compared, what passes from one person to the next, and at what ratio DGC was judged."""
    runs = tables["compression"]
    parts = [
        "Equal average PPL is, for each seed, the worse of the two values at the end, which both methods keep. Bits "
        "between measured points are interpolated linearly in logarithms. For a level that the first measured point "
        "has reached already, or that the last one has not reached, the bits are only bounded; then `ours` is the "
        "bound, and the interval ends at bounds. Where an end of the interval is 0 or inf, more replicates would not "
        "help, so n needed is empty: the method with only a bound would have to train longer, or to be measured "
        "earlier. Each seed has its own general model, persons and sample of test text, so these intervals cover all "
        "three."
    ]
    lasting = list(dict.fromkeys(runs.loc[(runs["mode"] == "gradient") & (runs["memory"] == "device"), "method"]))
    if lasting:
        parts.append(
            f"The memory of a codec passes from one person to the next on the same device in {', '.join(lasting)}; "
            "in other methods nothing does."
        )
    for dgc in _gradients(runs, "dgc"):
        for dense in _gradients(runs, "dense"):
            ratio = _ends(tables, dense)["bits_up"].mean() / _ends(tables, dgc)["bits_up"].mean()
            parts.append(f"Dense gradients sent {ratio:.3g} times as many bits up as {dgc}, including its warm-up.")
    return " ".join(parts)


def _needed(rule: Rule, ours: Interval, paper: float) -> float:
    """Return how many replicates would decide, by logarithms; null if a bound is missing, as more would not help."""
    if not ours.low > 0 or not ours.high < math.inf:
        return math.nan
    return replicates_needed(above("0", lambda _: 0.0), ours.map(math.log), paper)


def _pairs(runs: pd.DataFrame) -> Iterator[tuple[str, str, tuple[str, str]]]:
    """Yield which methods are compared, and by which bits."""
    methods = list(dict.fromkeys(runs["method"]))
    for bits in (UP, BOTH):
        for method in methods[1:]:
            yield methods[0], method, bits
    averaging = runs[(runs["mode"] == "averaging") & (runs["download"] != "dense")]
    for base in dict.fromkeys(averaging["method"]):
        for method in _gradients(runs):
            if base != methods[0]:
                yield base, method, BOTH


def _gradients(runs: pd.DataFrame, codec: str | None = None) -> list[str]:
    """Return the methods that send gradients, with this codec or with any."""
    rows = runs[runs["mode"] == "gradient"]
    return list(dict.fromkeys(rows.loc[rows["codec"] == codec, "method"] if codec else rows["method"]))


def _times(tables: Tables, column: str, method: str, base: str) -> Interval:
    """Return the bits of a method divided by those of the base, over replicates."""
    runs = tables["compression"].assign(bits_total=lambda rows: rows["bits_up"] + rows["bits_down"])
    ratios = []
    for _, rows in runs.dropna(subset=["ppl_average"]).groupby("seed"):
        ours, theirs = (rows[rows["method"] == m].sort_values("steps") for m in (base, method))
        if len(ours) and len(theirs):
            ratios.append(times_the_bits(ours, theirs, column))
    return spanned(ratios)


def _beside_dense(tables: Tables, method: str) -> Interval:
    dense = _gradients(tables["compression"], "dense")[0]
    ends, reference = (values_of(_ends(tables, m), "ppl_average") for m in (method, dense))
    return interval(np.log(ends / reference)).map(lambda value: 100 * (math.exp(value) - 1))


def _ends(tables: Tables, method: str) -> pd.DataFrame:
    """Return the last row of every seed."""
    runs = tables["compression"]
    rows = runs[runs["method"] == method].sort_values("steps")
    return rows.groupby("seed", as_index=False).tail(1)
