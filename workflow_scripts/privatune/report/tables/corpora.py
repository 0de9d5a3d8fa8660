"""The table `corpora`: one row per part of a corpus, from the headers of the encoded streams."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from privatune.report.columns import show
from privatune.report.frames import Table
from privatune.text.streams import read_counts

COLUMNS = "corpus part units tokens lines types oov_rate covered".split()
PRIVATE = "private"  # the corpus of the chosen persons, of whatever source
SHOWN = "corpus part units tokens types oov_rate covered".split()


def table(streams: Sequence[str | Path]) -> Table:
    """Counts of each corpus in each stream, in the order of `streams`; oov_rate in percent of the words."""
    frame = pd.DataFrame([counts for path in streams for counts in read_counts(path)])
    frame["oov_rate"] = 100 * frame["unknown"] / (frame["tokens"] - frame["lines"])
    frame["covered"] = np.where(frame["corpus"] == PRIVATE, "no", "public text")
    frame = frame[COLUMNS]
    shown = show(frame, SHOWN)
    note = (
        "Tokens are words, numbers, punctuation characters and one end of line per row of text. Types are distinct "
        "tokens other than the end of line. OOV is the share of the tokens other than ends of lines that are outside "
        "the vocabulary. Rows that no epsilon covers are exact counts of private text: do not publish them together "
        "with models that are meant to protect these persons."
    )
    return Table("Text, in words of the vocabulary", note, frame, shown)
