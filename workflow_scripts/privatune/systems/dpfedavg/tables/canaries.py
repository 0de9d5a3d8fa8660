"""The table `canaries`: how well each model knows each sentence that was planted."""

import math
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from privatune.core.files import read_json
from privatune.report.frames import Table, decimals, show

COLUMNS = "scenario seed carried n_users n_copies canary rank references exposure low high beam_found".split()
NOTE = (
    "A canary is five random words. Exposure = log2(references) - log2(rank), in bits, where rank is the canary's "
    "among random continuations of its first two words; low, high: 95 % interval for the share of all continuations "
    "that are as likely. With {references:,} references no exposure is above {most:.1f}. Found: a beam search of width "
    "5 from the first two words gives the canary. Variants without carriers never saw one: they show what chance does."
)


def table(measures: Sequence[str | Path]) -> Table:
    """One row a canary in one model; from files of `measure_private`."""
    rows = []
    for path in measures:
        model = read_json(path)
        rows += [
            {"scenario": model["variant"], "seed": model["seed"], "carried": model["carriers"], **row}
            for row in model["canaries"]
        ]
    frame = pd.DataFrame(rows)[COLUMNS]
    shown = show(
        frame,
        {
            "scenario": ("variant", str),
            "seed": ("seed", str),
            "n_users": ("carriers", str),
            "n_copies": ("copies each", str),
            "canary": ("canary", str),
            "rank": ("rank", decimals(0)),
            "exposure": ("exposure, bits", decimals(1)),
            "low": ("low", decimals(1)),
            "high": ("high", decimals(1)),
            "beam_found": ("found", lambda found: "yes" if found else ""),
        },
    )
    references = int(frame["references"].max())
    note = NOTE.format(references=references, most=math.log2(references))
    return Table("What models memorize", note, frame, shown)
