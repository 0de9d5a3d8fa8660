"""The table `compression`: what ways of training have sent, and how good their models are by then."""

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
    "One row a measured model; PPL: perplexity of words, without ends of lines; `steps`: times that every device has "
    "sent; at 0 nothing was. All methods of a seed read the same text of the same persons, one person at a time on a "
    "device, and start from the same small model ({model}), which each seed pretrains. Measured is the mean of the "
    "server's models over the newest {averaged:g} of the steps so far. Bits are those of payloads that were written, "
    "headers included, of all devices so far; down: one model for each person who takes part, sent through the codec "
    "`download`, general text that is sent along, and each step's answer. `memory`: whether what a codec keeps, its "
    "residual or momentum, stays on a device for the next person or leaves with the person; empty where it keeps "
    "nothing, as in averaging, where a person takes part once. Parameter-server forms: TernGrad with each device's own "
    "scale, PowerSGD with each device's own P and Q."
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
    return Table("Quality against bits sent", NOTE.format(model=model, averaged=averaged), frame, shown)


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
