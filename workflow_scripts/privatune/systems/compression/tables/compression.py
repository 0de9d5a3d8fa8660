"""The table `compression`: what ways of training have sent, and how good their models are by then."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from privatune.core.files import read_json
from privatune.report.frames import Table, decimals, megabytes, show
from privatune.systems.compression.methods import best

COLUMNS = (
    "method mode codec setting learning_rate seed steps tokens ppl_general ppl_user ppl_average kss_general kss_user "
    "bits_up bits_down"
).split()
NOTE = (
    "One row a measured model; PPL: perplexity of words, without ends of lines; `steps`: times that every device has "
    "sent; at 0 nothing was. All methods of a seed read the same text of the same persons, and start from the same "
    "small model ({model}). Bits are those of payloads that were written, headers included, of all devices so far; "
    "down: models or what the server sends in their place, and general text that is sent along. Parameter-server "
    "forms: TernGrad with each device's own scale, PowerSGD with each device's own P and Q. In averaging a person "
    "takes part once, so error feedback and momentum do nothing there; in gradient training a device holds several "
    "persons' texts and keeps what its codec remembers."
)


def table(runs: Sequence[str | Path], tunings: Sequence[str | Path], methods: Mapping[str, Any], model: str) -> Table:
    """Measured rows of every method and seed, with the point of its grid that tuning chose.

    Args:
        runs: files of `follow_method`.
        tunings: files of `tune_method`, in folders that are named by the method.
        methods: by name the settings of each method that the grid varies.
        model: in words.
    """
    chosen = {Path(path).parent.name: best(read_json(path))["choice"] for path in tunings}
    frame = pd.DataFrame([row for path in runs for row in read_json(path)])
    choices = [chosen[method] for method in frame["method"]]
    frame["mode"] = [choice["mode"] for choice in choices]
    frame["codec"] = [choice["codec"]["name"] for choice in choices]
    frame["setting"] = [setting(c, methods[m]) for c, m in zip(choices, frame["method"], strict=True)]
    frame["learning_rate"] = [choice["learning_rate"] for choice in choices]
    frame = frame[COLUMNS]
    shown = show(
        frame,
        {
            "mode": ("mode", str),
            "codec": ("codec", str),
            "setting": ("setting", str),
            "learning_rate": ("rate", "{:g}".format),
            "seed": ("seed", str),
            "steps": ("steps", decimals(0)),
            "ppl_general": ("PPL general, words", decimals(1)),
            "ppl_user": ("PPL user, words", decimals(1)),
            "ppl_average": ("PPL average, words", decimals(1)),
            "kss_general": ("KSS general, %", decimals(1)),
            "kss_user": ("KSS user, %", decimals(1)),
            "bits_up": ("sent up, MB", megabytes),
            "bits_down": ("sent down, MB", megabytes),
        },
    )
    return Table("Quality against bits sent", NOTE.format(model=model), frame, shown)


def setting(choice: Mapping[str, Any], varied: Sequence[str]) -> str:
    """Those settings of a codec that the grid varies.

    >>> setting({"codec": {"name": "topk", "share": 0.01}}, ["share"])
    'share 0.01'
    """
    return ", ".join(f"{name} {choice['codec'][name]:g}" for name in varied)
