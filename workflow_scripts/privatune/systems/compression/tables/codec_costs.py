"""The table `codec_costs`: how long codecs take, each measured alone on the machine."""

from pathlib import Path

import pandas as pd

from privatune.core.files import read_json
from privatune.report.columns import show
from privatune.report.frames import Table
from privatune.systems.compression.columns import OWN

SHOWN = "method values payload_bytes encode_ms decode_ms".split()
NOTE = (
    "Milliseconds to encode one update of the small model, and milliseconds for the server to decode it and add it to "
    "the sum. They are medians on one thread, measured on the gradients of a first step by a job that ran alone."
)


def table(costs: str | Path) -> Table:
    """One row per method of the target `compression`, at the point of its grid that tuning chose."""
    frame = pd.DataFrame(read_json(costs))[["method", "values", "payload_bytes", "encode_ms", "decode_ms"]]
    shown = show(frame, SHOWN, OWN)
    return Table("Cost of the codecs", NOTE, frame, shown)
