"""The table `memory`: seconds per step and peak memory of each way of training, and over those of inference."""

from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from privatune.core.files import read_json
from privatune.report.columns import Column, decimals, digits, show, spread
from privatune.report.frames import Table
from privatune.systems.dpzero.columns import OWN

ABOUT = "row method pass parameters batch tokens threads path bytes_per_step".split()
MEASURED = "seconds inference_seconds peak_memory_mb inference_memory_mb".split()
RATIOS = {
    "seconds_over_inference": ("seconds", "inference_seconds"),
    "memory_over_inference": ("peak_memory_mb", "inference_memory_mb"),
}
COLUMNS = [*ABOUT, "repeat", *MEASURED, *RATIOS]
SPREADS: dict[str, tuple[str, Callable[[float], str]]] = {
    "step_seconds": ("seconds", digits(3)),
    "seconds_over_inference": ("seconds_over_inference", decimals(2)),
    "step_memory_mb": ("peak_memory_mb", decimals(0)),
    "memory_over_inference": ("memory_over_inference", decimals(3)),
}
SHOWN = [*"row method pass path parameters batch tokens threads repeats".split(), *SPREADS, "bytes_per_step"]
HERE = {"batch": Column("sentences", decimals(0)), "tokens": Column("tokens per sentence", decimals(0))}
NOTE = (
    "Each row was measured in a process of its own, beside other jobs: one step that is not counted, and then several "
    "(repeats). Shown is the median over these, with the least and the largest value in brackets. Peak memory is in "
    "units of 10^6 bytes, above what the process held before it loaded the encoder; it is empty where the system "
    "cannot measure a peak. Over inference: divided by what a forward pass over the same sentences needs in the same "
    "process at about the same time, which is what rows can be compared by. In place: the direction is added to the "
    "weights themselves and made again from its seed, so neither has a second copy. All rows but those of LoRA train "
    "the whole model. They measure speed and memory only: no accuracy is measured of what they train. Measured costs "
    "differ from run to run and from machine to machine. Payload per step: what a client would send of one step in "
    "federated training."
)


def table(costs: Sequence[str | Path]) -> Table:
    """One row per way of training and repeat; shown are medians. From files of `costs`, in their order."""
    frame = pd.DataFrame([row for path in costs for row in _repeats(path)], columns=[*ABOUT, "repeat", *MEASURED])
    frame = frame.astype(dict.fromkeys(MEASURED, float))
    for ratio, (over, under) in RATIOS.items():
        frame[ratio] = frame[over] / frame[under]
    rows = [of_row.iloc[0] for _, of_row in frame.groupby("row", sort=False)]
    medians = pd.DataFrame(rows, columns=ABOUT).reset_index(drop=True)
    groups = frame.groupby("row", sort=False)
    for shown_as, (column, form) in SPREADS.items():
        medians[shown_as] = [spread(values, form) for _, values in groups[column]]
    medians["repeats"] = groups.size().to_numpy()
    shown = show(medians, SHOWN, OWN | HERE)
    return Table("Memory and seconds per step", NOTE, frame, shown)


def _repeats(path: str | Path) -> list[dict]:
    held = read_json(path)
    about = {name: held[name] for name in ABOUT}
    return [about | {"repeat": number, **repeat} for number, repeat in enumerate(held["repeats"])]
