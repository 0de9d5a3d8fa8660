"""The table `client_costs`: one row a client measured alone, one at a time."""

from collections.abc import Sequence
from pathlib import Path

from privatune.report.frames import Table, arrange, decimals, read_records, show

COLUMNS = "scenario client tokens seconds peak_memory_mb".split()


def table(costs: Sequence[str | Path], scenarios: Sequence[str]) -> Table:
    """One row a cost file (a flat JSON object): order of `scenarios`, then client."""
    frame = arrange(read_records(costs, COLUMNS), COLUMNS, scenarios, ["client"])
    shown = show(
        frame,
        {
            "scenario": ("scenario", str),
            "client": ("client", str),
            "tokens": ("tokens", decimals(0)),
            "seconds": ("seconds", decimals(1)),
            "peak_memory_mb": ("peak memory, MB", decimals(0)),
        },
    )
    note = (
        "Wall time and peak memory of one client's fine-tuning with nothing else running; these differ from run to run."
    )
    return Table("What a client pays", note, frame, shown)
