"""The table `clients`: one row a client in one round."""

from collections.abc import Sequence
from pathlib import Path

from privatune.report.frames import Table, arrange, decimals, megabytes, read_tables, show

COLUMNS = "scenario seed round client user_tokens rehearsal_tokens steps bits_up bits_down".split()


def table(clients: Sequence[str | Path], scenarios: Sequence[str]) -> Table:
    """Put the rounds' `clients.csv` files below one another: order of `scenarios`, then seed, round and client."""
    frame = arrange(read_tables(clients, COLUMNS), COLUMNS, scenarios, ["seed", "round", "client"])
    shown = show(
        frame,
        {
            "scenario": ("scenario", str),
            "seed": ("seed", str),
            "round": ("round", str),
            "client": ("client", str),
            "user_tokens": ("user tokens", decimals(0)),
            "rehearsal_tokens": ("rehearsal tokens", decimals(0)),
            "steps": ("steps", decimals(0)),
            "bits_up": ("up, MB", megabytes),
            "bits_down": ("down, MB", megabytes),
        },
    )
    note = (
        "A client is a person's pseudonym. Down: one model and the rehearsal text; up: the payload, as really written."
    )
    return Table("Clients of every round", note, frame, shown)
