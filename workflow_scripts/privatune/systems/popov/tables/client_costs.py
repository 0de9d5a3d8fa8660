"""The table `client_costs`: one row per client; clients are measured alone, one at a time."""

from collections.abc import Sequence
from pathlib import Path

from privatune.report.columns import show
from privatune.report.frames import Table, arrange, read_records, read_table
from privatune.systems.popov.columns import OWN

COLUMNS = (
    "scenario client tokens seconds peak_memory_mb tokens_per_second products_per_word user_kb rehearsal_kb "
    "bits_up bits_down"
).split()
SHOWN = (
    "scenario client tokens user_kb rehearsal_kb seconds tokens_per_second products_per_word peak_memory_mb "
    "bits_down bits_up"
).split()


def table(costs: Sequence[str | Path], paper_text: str | Path, scenarios: Sequence[str]) -> Table:
    """One row per cost file (a flat JSON object), in the order of `scenarios`, then by client.

    Args:
        costs: one file per client.
        paper_text: `report/popov/paper-text.csv`.
        scenarios: in the order of the rows.
    """
    measured = read_records(costs, [name for name in COLUMNS if name != "tokens_per_second"])
    measured["tokens_per_second"] = measured["tokens"] / measured["seconds"]
    frame = arrange(measured, COLUMNS, scenarios, ["client"])
    shown = show(frame, SHOWN, OWN)
    paper = read_table(paper_text, ["figure", "value"]).set_index("figure")["value"]
    note = (
        "Wall time and peak memory of one client's fine-tuning while nothing else runs; both differ from run to run. "
        f"The paper's device took about {paper['device seconds']:g} s for {paper['device text']:g} kB of text, with a "
        f"model of {paper['device products'] / 1e6:.1f} million multiplications per word. 1 kB is 1,000 characters, "
        "with one space per word. Counts and times of a client tell how long the person's text is, and no epsilon "
        "covers them."
    )
    return Table("What a client pays", note, frame, shown)
