"""The table `clients`: one row per client and round."""

from collections.abc import Sequence
from pathlib import Path

from privatune.report.columns import show
from privatune.report.frames import Table, arrange, read_tables
from privatune.systems.popov.columns import OWN

COLUMNS = "scenario seed round client user_tokens rehearsal_tokens steps bits_up bits_down".split()
SHOWN = COLUMNS


def table(clients: Sequence[str | Path], scenarios: Sequence[str]) -> Table:
    """Put the rounds' `clients.csv` files below one another: order of `scenarios`, then seed, round and client."""
    frame = arrange(read_tables(clients, COLUMNS), COLUMNS, scenarios, ["seed", "round", "client"])
    shown = show(frame, SHOWN, OWN)
    note = (
        "A client is named by a person's pseudonym. Sent down are one model and the rehearsal text; sent up is the "
        "payload. Both count what was really written. A client's number of words is an exact count of private text, "
        "which no epsilon covers."
    )
    return Table("Clients of every round", note, frame, shown)
