"""The table `canaries_by_cell`: what each variant memorized, by how many persons carry a canary and how often each."""

from pathlib import Path

import pandas as pd

from privatune.report.frames import Table, decimals, read_table, show
from privatune.systems.dpfedavg.extraction import CHANCE, beyond_chance, drawn, extracted

READ = "scenario seed carried n_users n_copies visits exposure beyond beam_found".split()
COLUMNS = (
    "scenario n_users n_copies canaries drawn visits found extracted extracted_low extracted_high exposure chance "
    "beyond low high"
).split()
NOTE = (
    "Canaries of all seeds, of variants whose synthetic persons carry them. Drawn: those of which a carrier took part "
    "in a round; all that follows is about these. Extracted: the share that a beam search finds, with Clopper and "
    "Pearson's 95 % interval. Exposure: the mean, in bits; by chance it is {chance:.2f}, with a standard deviation of "
    "{chance:.2f} for a single canary. Beyond: the mean paired difference to the same canaries in the variant without "
    "carriers, with its 95 % t-interval over canaries. Those of one seed share a model, and no interval is given from "
    "fewer than two seeds."
)


def table(canaries: str | Path) -> Table:
    """One row a variant and cell; from the table `canaries`."""
    rows = read_table(canaries, READ)
    rows = rows[rows["carried"]]
    cells = rows.groupby(["scenario", "n_users", "n_copies"], sort=False)
    frame = pd.DataFrame([_row(cell) for _, cell in cells], columns=COLUMNS)
    percent = decimals(0)
    shown = show(
        frame,
        {
            "scenario": ("variant", str),
            "n_users": ("carriers", str),
            "n_copies": ("copies each", str),
            "canaries": ("canaries", str),
            "drawn": ("drawn", str),
            "visits": ("visits", decimals(1)),
            "found": ("found", str),
            "extracted": ("extracted, %", percent),
            "extracted_low": ("low", percent),
            "extracted_high": ("high", percent),
            "exposure": ("exposure, bits", decimals(1)),
            "chance": ("by chance", decimals(2)),
            "beyond": ("beyond", decimals(1)),
            "low": ("low", decimals(1)),
            "high": ("high", decimals(1)),
        },
    )
    return Table("What models memorize, by carriers and copies", NOTE.format(chance=CHANCE), frame, shown)


def _row(cell: pd.DataFrame) -> dict[str, object]:
    seen, share, more = drawn(cell), extracted(cell), beyond_chance(cell)
    return {
        **cell.iloc[0][["scenario", "n_users", "n_copies"]],
        "canaries": len(cell),
        "drawn": len(seen),
        "visits": seen["visits"].mean(),
        "found": int(seen["beam_found"].sum()),
        "extracted": share.middle,
        "extracted_low": share.low,
        "extracted_high": share.high,
        "exposure": seen["exposure"].mean(),
        "chance": CHANCE,
        "beyond": more.middle,
        "low": more.low,
        "high": more.high,
    }
