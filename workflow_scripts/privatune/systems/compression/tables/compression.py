"""The table `compression`: what each way of training has sent, and how good its model is by then."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.core.files import read_json
from privatune.report.columns import show
from privatune.report.frames import Table
from privatune.systems.compression.columns import OWN
from privatune.systems.compression.methods import Choice, best

COLUMNS = (
    "method mode codec setting download memory learning_rate seed steps tokens ppl_general ppl_user ppl_average "
    "kss_general kss_user bits_up bits_down"
).split()
SHOWN = (
    "mode codec setting download memory learning_rate seed steps ppl_general ppl_user ppl_average kss_general "
    "kss_user bits_up bits_down"
).split()
NOTE = (
    "Each row is one measured model. PPL is the perplexity of words; ends of lines are not counted. `steps` is the "
    "number of times that every device has sent; at step 0 nothing was sent. All methods of a seed read the same text "
    "of the same persons, one person at a time per device, and start from the same small model ({model}), which is "
    "pretrained for each seed. What is measured is the mean of the server's models over the newest {averaged:g} % of "
    "the steps so far. Bits are those of payloads that were really written, headers included, summed over all devices "
    "so far. Sent down are one model for each person who takes part, through the codec of the download; the general "
    "text that is sent along; and the answer to each step. `memory` says whether what a codec keeps, its residual or "
    "momentum, stays on a device for the next person or leaves with the person. It is empty where a codec keeps "
    "nothing, as in averaging, where a person takes part once. The codecs have their parameter-server forms: in "
    "TernGrad each device has its own scale, in PowerSGD each device has its own P and Q."
)


def table(
    runs: Sequence[str | Path],
    tunings: Sequence[str | Path],
    methods: Mapping[str, Any],
    model: str,
    averaged: float,
) -> Table:
    """Measured rows of every method and seed, with the point of its grid that tuning chose.

    Args:
        runs: files of `follow_method`.
        tunings: files of `tune_method`, in folders that are named by the method.
        methods: by name the settings of each method that the grid varies.
        model: in words.
        averaged: share of the steps whose models are averaged.
    """
    chosen = {Path(path).parent.name: best(read_json(path))["choice"] for path in tunings}
    about = pd.DataFrame([{"method": m, **_about(c, setting(c, methods[m]))} for m, c in chosen.items()])
    measured = pd.DataFrame([row for path in runs for row in read_json(path)])
    frame = measured.merge(about, "left", "method")[COLUMNS]
    shown = show(frame, SHOWN, OWN)
    return Table("Quality against bits sent", NOTE.format(model=model, averaged=100 * averaged), frame, shown)


def _about(choice: Mapping[str, Any], varied: str) -> dict[str, Any]:
    made = Choice(**choice)
    return {
        "mode": made.mode,
        "codec": made.codec.name,
        "setting": varied,
        "download": made.download.name,
        "memory": made.memory if made.mode == "gradient" and made.codec.remembers else "",
        "learning_rate": made.learning_rate,
    }


def setting(choice: Mapping[str, Any], varied: Sequence[str]) -> str:
    """Those settings of a codec that the grid varies.

    >>> setting({"codec": {"name": "topk", "share": 0.01}}, ["share"])
    'share 0.01'
    """
    return ", ".join(f"{name} {choice['codec'][name]:g}" for name in varied)
