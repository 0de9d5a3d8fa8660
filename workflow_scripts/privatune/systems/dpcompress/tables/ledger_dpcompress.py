"""The table `ledger_dpcompress`: what each private training of a method costs."""

from collections.abc import Sequence
from pathlib import Path

from privatune.report.columns import Column, digits, show
from privatune.report.frames import Table, read_records
from privatune.systems.dpcompress.columns import OWN

COLUMNS = (
    "set method target phase number steps batch q noise_multiplier share epsilon_alone epsilon_so_far epsilon_sum "
    "delta n"
).split()
SHOWN = [{"share": "budget_share"}.get(key, key) for key in COLUMNS]
HERE = {
    "epsilon_alone": Column("epsilon of this training alone", digits(3)),
    "epsilon_so_far": Column("epsilon of all trainings so far", digits(3)),
}
NOTE = (
    "Each row is one private training of a method, in their order; it is the same under every seed. The mechanisms of "
    "all trainings are composed, so that the epsilon after the last one is at most the target, at the delta of the "
    "row. Epsilon is for one labelled sentence. Alone: that of this training, at the same delta. So far: that of this "
    "training and of those before it. Plain sum: the epsilons of the trainings so far, added up, each at the delta "
    "divided by the number of trainings; it also holds at the delta of the row, but is larger than need be and is "
    "shown only for comparison. Share: this training's part of the sum of T q^2 / z^2 over all trainings. What is "
    "computed from private weights or on public text alone costs nothing and has no row. The table dpcompress_models "
    "has the adjacency. One row holds for one classifier: other methods and other seeds are trained on the same "
    "sentences, and each is paid for separately. With public seeds anyone can subtract the noise."
)


def table(ledgers: Sequence[str | Path]) -> Table:
    """One row per private training, in the order of the files; from files `ledger.json`."""
    frame = read_records(ledgers, COLUMNS)[COLUMNS].set_axis(SHOWN, axis=1)
    shown = show(frame, SHOWN, OWN | HERE)
    return Table("Ledger of private compression", NOTE, frame, shown)
