"""The table `recovered`: example sentences of public text, and what each attack got back of them."""

from collections.abc import Sequence
from pathlib import Path

from privatune.report.columns import show
from privatune.report.frames import Table, read_records
from privatune.systems.split.columns import ATTACKS, MODULES, OWN

COLUMNS = "cut noise importance sentence attack text recovered share".split()
SHOWN = "split_after noise importance attack share text recovered".split()
NOTE = (
    "Sentences of public text, from which the attackers did not learn, were noised as the customer noises its own. The "
    "first seed is shown. Text: their tokens as the encoder reads them, without the marks around a sentence. "
    "Recovered: the best guess of each token. Private text is attacked in the same way but never shown."
)


def table(examples: Sequence[str | Path]) -> Table:
    """One row per way of sending, sentence and attack, in the order of the files."""
    frame = read_records(examples, COLUMNS)[COLUMNS].rename(columns={"cut": "split_after"})
    frame["attack"] = frame["attack"].map(lambda attack: ATTACKS[MODULES.get(str(attack), str(attack))])
    shown = show(frame, SHOWN, OWN)
    return Table("What attacks recover of public sentences", NOTE, frame, shown)
