"""Whether averaging needs fewer bits than compressed gradients, as Popov et al. (2018) claim; no figures of theirs."""

import math
from collections.abc import Iterator
from functools import partial

import numpy as np
import pandas as pd

from privatune.report.intervals import Interval, interval, values_of
from privatune.report.verdicts import Claim, Tables, above, not_higher
from privatune.systems.compression.bits import bits_at_equal_quality

SYSTEM = "Gradient compression"
TABLES = {"compression": "method mode codec seed steps ppl_average bits_up bits_down".split()}

MORE = above("1", lambda _: 1.0)


def claims(tables: Tables) -> Iterator[Claim]:
    """One claim for each method that is not the first of the table, on bits up and on all bits; and on DGC."""
    methods = list(dict.fromkeys(tables["compression"]["method"]))
    for bits, which in (("bits_up", "up"), ("bits_total", "up and down")):
        for method in methods[1:]:
            yield Claim(
                f"{methods[0]} needs fewer bits {which} than {method} at equal average PPL: how many times fewer",
                "times",
                lambda _: math.nan,
                partial(_times, column=bits, method=method, base=methods[0]),
                MORE,
            )
    if {"gradient-dgc", "gradient-dense"} <= set(methods):
        yield Claim(
            "DGC is as good as dense gradients at its ratio: average PPL at the end",
            "%",
            lambda _: 0.0,
            _dgc_beside_dense,
            not_higher(1),
        )


def note(tables: Tables) -> str:
    """Which method comes next after the first, and at what ratio DGC was judged."""
    runs = tables["compression"]
    methods = list(dict.fromkeys(runs["method"]))
    times = {m: _times(tables, "bits_up", m, methods[0]).middle for m in methods[1:]}
    known = {m: t for m, t in times.items() if not math.isnan(t)}
    gradients = {m: t for m, t in known.items() if (runs.loc[runs["method"] == m, "mode"] == "gradient").all()}
    parts = [
        "Equal average PPL: for each seed the lowest that both methods reach, bits between measured points read off a "
        "line in logarithms; a seed under which one of them never gets better than it began is left out."
    ]
    if gradients:
        following = min(gradients, key=lambda m: gradients[m])
        parts.append(
            f"Of the compressed gradients {following} comes next: {gradients[following]:.3g} times the bits up of "
            f"{methods[0]}."
        )
    if {"gradient-dgc", "gradient-dense"} <= set(methods):
        sent = [_ends(tables, m)["bits_up"].mean() for m in ("gradient-dense", "gradient-dgc")]
        parts.append(f"DGC sent {sent[0] / sent[1]:.3g} times fewer bits up than dense gradients, warm-up included.")
    return " ".join(parts)


def _times(tables: Tables, column: str, method: str, base: str) -> Interval:
    """Bits of a method over those of the base, a replicate each: geometric mean and its interval."""
    runs = tables["compression"].assign(bits_total=lambda rows: rows["bits_up"] + rows["bits_down"])
    logs = []
    for _, rows in runs.groupby("seed"):
        ours, theirs = (rows[rows["method"] == m].sort_values("steps") for m in (base, method))
        if len(ours) and len(theirs):
            first, second = bits_at_equal_quality(ours, theirs, column)
            logs.append(math.log(second / first))
    return interval(logs).map(lambda value: float(np.exp(value)))


def _dgc_beside_dense(tables: Tables) -> Interval:
    dgc, dense = (values_of(_ends(tables, m), "ppl_average") for m in ("gradient-dgc", "gradient-dense"))
    return interval(np.log(dgc / dense)).map(lambda value: 100 * (math.exp(value) - 1))


def _ends(tables: Tables, method: str) -> pd.DataFrame:
    """The last row of every seed."""
    runs = tables["compression"]
    rows = runs[runs["method"] == method].sort_values("steps")
    return rows.groupby("seed", as_index=False).tail(1)
