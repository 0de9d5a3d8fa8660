"""The table `dpzero`: every trained classifier, under every seed."""

from collections.abc import Sequence
from pathlib import Path

from privatune.report.classifiers import require_motion
from privatune.report.columns import show
from privatune.report.frames import Table, read_records
from privatune.report.intervals import in_a_cell
from privatune.systems.dpzero.columns import OWN
from privatune.systems.dpzero.names import shown_name

COLUMNS = [
    *"set method scope head step optimiser directions noised seed".split(),
    *"epsilon delta adjacency accountant q noise_multiplier n classes batch steps forwards rate clip".split(),
    *"accuracy clusters majority zero_shot largest_change parameters bytes_per_step accuracy_resampled".split(),
]
SHOWN = (
    "set method name scope seed epsilon delta adjacency noise_multiplier q n batch steps directions rate clip accuracy "
    "majority zero_shot largest_change"
).split()
NOTE = (
    "Each row is one trained classifier. Accuracy is that on the test part. Epsilon is an upper bound for one labelled "
    "sentence, at the delta in its row, over all steps of this one training. Zero out one: a data set is compared with "
    "the same one in which a sentence counts as nothing; the number of sentences n is public. Replace one: a sentence "
    "is compared with another. Where there is no epsilon there is no noise, and nothing is claimed. Learning rate and "
    "clip were chosen on the validation part (table tuning_dpzero); that choice is outside the budget, and no epsilon "
    "covers it. Seeds are public unless `secure: true`, and whoever knows the seed can subtract the noise, so these "
    "classifiers show the method and protect nobody. The CSV has the other terms of each epsilon, and the accuracy on "
    "each resample of the test sentences."
)


def table(classifiers: Sequence[str | Path]) -> Table:
    """One row per classifier, in the order of the files; from files `classifiers.json`.

    A trained classifier of which no weight moved raises PrivatuneError, which names its set and method.
    """
    rows = read_records(classifiers, COLUMNS)[COLUMNS]
    require_motion(rows, "dpzero")
    frame = rows.assign(accuracy_resampled=rows["accuracy_resampled"].map(in_a_cell))
    frame.insert(2, "name", [shown_name(row) for row in frame.to_dict("records")])
    shown = show(frame, SHOWN, OWN)
    return Table("Private sentence classifiers", NOTE, frame, shown)
