"""The table `claims`: the claims of all papers with their verdicts, each judged in its system's own table."""

from collections.abc import Sequence
from pathlib import Path

from privatune.report.frames import Table, read_tables
from privatune.report.tables.claims import COLUMNS, shown


def table(tables: Sequence[str | Path]) -> Table:
    """Put the systems' tables of claims one below the other.

    Args:
        tables: `claims_*`, in the order in which they are shown.
    """
    frame = read_tables(tables, COLUMNS)
    one, together = (
        ", ".join(f"{count} {verdict}" for verdict, count in frame[column].value_counts().items())
        for column in ("verdict", "verdict_holm")
    )
    note = (
        f"{len(frame)} claims: {one}. After Holm, for all claims of a paper together: {together}. The notes of the "
        "tables claims_* say what each interval covers and how many verdicts may be wrong by chance."
    )
    return Table("Claims", note, frame, shown(frame))
