"""The table `canaries_by_cell`: what each variant memorized, by how many persons carry a canary and how often each."""

from pathlib import Path

import pandas as pd

from privatune.report.columns import Column, decimals, show
from privatune.report.frames import Table, read_table
from privatune.systems.dpfedavg.columns import OWN
from privatune.systems.dpfedavg.extraction import CHANCE, beyond_chance, drawn, extracted

READ = "scenario seed carried n_users n_copies visits exposure beyond beam_found".split()
COLUMNS = (
    "scenario n_users n_copies canaries drawn visits found extracted extracted_low extracted_high exposure chance "
    "beyond low high"
).split()
SHOWN = (
    "scenario n_users n_copies canaries drawn visits found extracted extracted_low extracted_high exposure "
    "chance beyond low high"
).split()
HERE = {
    "low": Column("exposure beyond never seen, bits: low", decimals(1)),
    "high": Column("exposure beyond never seen, bits: high", decimals(1)),
}
NOTE = (
    "The canaries of all seeds, in the variants whose synthetic persons carry them. Drawn: canaries of which a carrier "
    "took part in a round; all columns to its right are about these. Extracted: the share that a beam search finds, "
    "with the 95 % interval of Clopper and Pearson. Exposure: the mean, which by chance is {chance:.2f} bits, with a "
    "standard deviation of {chance:.2f} for a single canary. Exposure beyond never seen: the mean difference from the "
    "same canaries in the variant without carriers, with its 95 % t-interval over canaries. Canaries of one seed share "
    "a model, so there is no interval from fewer than two seeds."
)


def table(canaries: str | Path) -> Table:
    """One row per variant and cell; from the table `canaries`."""
    rows = read_table(canaries, READ)
    rows = rows[rows["carried"]]
    cells = rows.groupby(["scenario", "n_users", "n_copies"], sort=False)
    frame = pd.DataFrame([_row(cell) for _, cell in cells], columns=COLUMNS)
    shown = show(frame, SHOWN, OWN | HERE)
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
