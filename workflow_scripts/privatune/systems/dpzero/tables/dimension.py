"""The table `dimension`: the error of least squares under differential privacy, by the number of weights."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.report.columns import show
from privatune.report.frames import Table, read_records
from privatune.report.intervals import interval, with_ends
from privatune.systems.dpzero.columns import OWN
from privatune.systems.dpzero.slopes import slope

COLUMNS = "method dimension replicate error clip epsilon delta".split()
SHOWN = "method dimension error error_low error_high n clip epsilon delta slope slope_low slope_high".split()
NOTE = (
    "Least squares with a quadratic of low effective rank, one problem for each dimension. Error is the loss after "
    "the last step over that at the start: the mean over n replicates with their own directions and noise, and its "
    "95 % t-interval. The clip was chosen for each method and dimension on one grid, by the error of other replicates "
    "on the same problem, so the epsilon, at its delta, covers one training and not that choice. The slope is that of "
    "a line through the logarithms of mean error and dimension; its 95 % interval has the standard error of a "
    "bootstrap over replicates. A slope of 0 means that the error does not grow with the number of weights, and a "
    "slope of 1 that it grows in proportion. The problem was changed after results had been seen: in a first one, "
    "whose eigenvalues fell as 1 / j^2, the slopes of both methods were near 0.1. The second has a few equal "
    "eigenvalues, and its grid of clips was then made finer. So the slope of DPGD-0th depends on the problem. The CSV "
    "has one row per replicate."
)


def table(errors: str | Path) -> Table:
    """One row per method, dimension and replicate; shown are means by method and dimension.

    Args:
        errors: `dimension.json`.
    """
    frame = read_records([errors], COLUMNS)[COLUMNS]
    shown = show(pd.DataFrame(_means(frame), columns=SHOWN), SHOWN, OWN)
    return Table("Error by dimension", NOTE, frame, shown)


def _means(frame: pd.DataFrame) -> Iterator[dict[str, Any]]:
    for method, rows in frame.groupby("method", sort=False):
        lines = with_ends("slope", slope(rows))
        for dimension, of_size in rows.groupby("dimension"):
            made = interval(of_size["error"])
            row = {"method": method, "dimension": dimension, "n": made.n, **with_ends("error", made)}
            yield row | dict(of_size.iloc[0][["clip", "epsilon", "delta"]]) | lines
            lines = {}
