"""The table `models`: what each model of all finished systems cost, and how good it is, as the explorer shows it."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from privatune.report.columns import ONE, Column, digits, show
from privatune.report.frames import Table
from privatune.report.page.said import COSTS
from privatune.report.page.section import models, read_section

COLUMNS = [*"system task name quality low high better seeds sources".split(), *COSTS, *"delta guarantee listed".split()]
SHOWN = [*"system task name quality low high seeds".split(), *COSTS, *"delta guarantee".split()]
HERE = {
    "name": Column("model"),
    "low": Column("quality: low", ONE),
    "high": Column("quality: high", ONE),
    "seconds": Column("seconds on a device", digits(3)),
    "recovered": Column("tokens that the best attack recovers, %", ONE),
}
NOTE = (
    "One row per model. Compare only rows that measure the same. Quality is the mean over seeds, with the ends of its "
    "95 % interval. A dash means that something was not measured, or that nothing is proved. Megabytes are those of "
    "all devices and rounds together; in dpzero, of one device that takes part in every step. Seconds are those of one "
    "visit to a device, or of one sentence in dpcompress. Epsilon bounds what one published model tells, at its delta. "
    "In the CSV file `better` says which values of the quality are good. Its rows with listed = False are the same "
    "models by other measures, or in the middle of a training."
)


def table(sections: Sequence[str | Path]) -> Table:
    """Put the models of all sections of the page below each other.

    Args:
        sections: files of sections, in the order in which the page shows them.
    """
    frame = pd.DataFrame(models(map(read_section, sections)), columns=COLUMNS)
    return Table(
        "Models, and what each of them costs", NOTE, frame, show(frame[frame["listed"].astype(bool)], SHOWN, HERE)
    )
