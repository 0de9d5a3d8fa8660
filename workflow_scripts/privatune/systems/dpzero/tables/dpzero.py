"""The table `dpzero`: every trained classifier, under every seed."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from privatune.core.errors import PrivatuneError
from privatune.report.columns import show
from privatune.report.frames import Table, read_records
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
    _require_motion(rows)
    cells = rows["accuracy_resampled"].map(lambda values: " ".join(f"{value:.6g}" for value in values))
    frame = rows.assign(accuracy_resampled=cells)
    frame.insert(2, "name", [shown_name(row) for row in frame.to_dict("records")])
    shown = show(frame, SHOWN, OWN)
    return Table("Private sentence classifiers", NOTE, frame, shown)


def _require_motion(rows: pd.DataFrame) -> None:
    """Refuse a training that ran, stated an epsilon and learnt nothing."""
    still = rows[~pd.to_numeric(rows["largest_change"]).between(0, float("inf"), inclusive="neither")]
    for row in still.to_dict("records"):
        raise PrivatuneError(
            f"dpzero: {row['set']}, {row['method']}, seed {row['seed']}: its weights did not move, or are not finite, "
            f"so it learnt nothing; change `dpzero.methods.{row['method']}.rate` and run again"
        )
