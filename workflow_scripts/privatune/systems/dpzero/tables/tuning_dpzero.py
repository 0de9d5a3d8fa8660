"""The table `tuning_dpzero`: the whole grid on which every method was tuned."""

from collections.abc import Sequence
from pathlib import Path

from privatune.report.columns import Column, decimals, show
from privatune.report.frames import Table, read_records
from privatune.systems.dpzero.columns import OWN

COLUMNS = "set method epsilon delta rate clip seed accuracy chosen".split()
SHOWN = COLUMNS
HERE = {"accuracy": Column("validation accuracy, %", decimals(1))}
NOTE = (
    "Every point of every grid: the accuracy on the validation part of a classifier trained with this learning rate "
    "and clip. The chosen point of each set, method and epsilon is the one that all seeds are then trained with and "
    "measured on the test part. All methods have one grid: the same factors of their learning rate and of their clip. "
    "The validation sentences are private and the choice looks at them, and so does each trial at the training part: "
    "an epsilon, at its delta, is that of one training, so tuning is outside the budget. A count of all trials would "
    "give a larger epsilon."
)


def table(tunings: Sequence[str | Path]) -> Table:
    """One row per point of a grid, in the order of the files; from files `tuning.json`."""
    frame = read_records(tunings, COLUMNS)[COLUMNS]
    shown = show(frame, SHOWN, OWN | HERE)
    return Table("Tuning of the sentence classifiers", NOTE, frame, shown)
