"""The table `dpcompress_models`: every classifier that was made, under every seed."""

from collections.abc import Sequence
from pathlib import Path

from privatune.report.classifiers import require_motion
from privatune.report.columns import Column, decimals, show
from privatune.report.frames import Table, read_records
from privatune.report.intervals import in_a_cell
from privatune.systems.dpcompress.columns import OWN
from privatune.systems.dpcompress.names import count, shown_name

COLUMNS = [
    *"set method kind blocks trained_blocks sparsity mask start seed target epsilon delta adjacency accountant".split(),
    *"n classes phases steps batch rate clip accuracy clusters majority zero_shot parameters nonzero".split(),
    *"largest_change accuracy_resampled".split(),
]
SHOWN = (
    "set method name kind blocks trained_blocks sparsity mask start seed epsilon delta adjacency accountant n phases "
    "steps batch rate clip accuracy majority zero_shot parameters nonzero largest_change"
).split()
HERE = {"parameters": Column("weights", decimals(0))}
NOTE = (
    "Each row is one classifier. Accuracy is that on the test part. Epsilon is an upper bound for one labelled "
    "sentence, at the delta in its row, over all private trainings of this one classifier together; the table "
    "ledger_dpcompress has each of them. Zero out one: a data set is compared with the same one in which a sentence "
    "counts as nothing; the number of sentences n is public. Replace one: a sentence is compared with another. Where "
    "there is no epsilon there is neither clip nor noise, and nothing is claimed. What was tuned on the validation "
    "part was tuned outside the budget, and no epsilon covers that choice. Seeds are public unless `secure: true`, "
    "and whoever knows the seed can subtract the noise, so these classifiers show the methods and protect nobody. "
    "Blocks are numbered from 0; of those that are kept, the last ones are trained, and what is not trained stays as "
    "published. Weights are all those of the classifier. Steps are those of its private trainings together; a student "
    "on public text has none, and its epsilon is that of its teacher. The CSV has the accuracy on each resample of the "
    "test sentences, and in `kept` the share of the encoder's blocks that is kept."
)


def table(classifiers: Sequence[str | Path]) -> Table:
    """One row per classifier, in the order of the files; from files `classifiers.json`.

    A classifier of which no weight moved raises PrivatuneError, which names its set and method.
    """
    rows = read_records(classifiers, COLUMNS)[COLUMNS]
    require_motion(rows, "dpcompress")
    counts = rows["blocks"].map(count).astype(int)
    whole = int(counts.max()) if len(rows) else 0
    frame = rows.assign(accuracy_resampled=rows["accuracy_resampled"].map(in_a_cell), kept=counts / whole)
    frame.insert(2, "name", [shown_name(row, whole) for row in frame.to_dict("records")])
    shown = show(frame, SHOWN, OWN | HERE)
    return Table("Compressed sentence classifiers", NOTE, frame, shown)
