"""What the benchmarks share: the path of the library and the table that each of them writes."""

import sys
from pathlib import Path

import pandas as pd

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results/benchmarks"
sys.path.insert(0, str(ROOT / "workflow_scripts"))

from privatune.core.files import write_bytes  # noqa: E402

COLUMNS = ["name", "ours", "baseline", "unit", "ratio", "runs"]


def write_rows(name: str, rows: list[tuple]) -> pd.DataFrame:
    """Write results/benchmarks/NAME.csv, print it and return it; `ratio` is ours / baseline, and larger is better."""
    table = pd.DataFrame(rows, columns=COLUMNS)
    write_bytes(RESULTS / f"{name}.csv", table.to_csv(index=False, float_format="%.4g").encode())
    print(table.to_string(index=False))
    return table
