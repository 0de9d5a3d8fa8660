"""Rows of the table `clients` on disk."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.core.files import write_bytes

COLUMNS = ["scenario", "seed", "round", "client", "user_tokens", "rehearsal_tokens", "steps", "bits_up", "bits_down"]


def write_records(path: str | Path, records: Sequence[dict[str, Any]]) -> None:
    """Write a round's records as CSV, one row a client in the cohort's order."""
    write_bytes(path, pd.DataFrame(records, columns=COLUMNS).to_csv(index=False).encode())
