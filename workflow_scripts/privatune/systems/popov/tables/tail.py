"""The table `tail`: privacy measured on pairs of adjacent models, tables 3 and 4 of Popov et al. (2018)."""

from pathlib import Path
from typing import Any

import pandas as pd

from privatune.attacks.tail import NOT_REJECTED, PAPER_CRITICAL, REJECTED, UNDECIDED
from privatune.core.files import read_json
from privatune.report.columns import Column, decimals, show
from privatune.report.frames import Table
from privatune.systems.popov.columns import OWN

COLUMNS = "pair direction texts threshold exceedances alpha c ks critical rejected shape shape_low shape_high".split()
SHOWN = "pair direction texts threshold exceedances alpha c ks critical verdict shape shape_low shape_high".split()
HERE = {"verdict": Column("Pareto tail")}
HIGH = "_high"  # of a column: under the upper limit of the shape's interval
ESTIMATE = "An epsilon here is an estimate that holds with high probability, not a proof of differential privacy."


def table(fits: str | Path) -> Table:
    """One row per sample: what one model of a pair wrote. An epsilon is null unless a Pareto tail was not rejected."""
    measured = read_json(fits)
    frame = pd.DataFrame(measured["fits"])
    deltas = measured["deltas"]
    epsilons = [
        pd.DataFrame(frame[f"estimated_epsilon{end}"].tolist(), columns=[epsilon_column(d, end) for d in deltas])
        for end in ("", HIGH)
    ]
    frame = pd.concat([frame[COLUMNS], *(part.astype(float) for part in epsilons), frame[["verdict"]]], axis=1)
    estimates = {epsilon_column(delta, end): _estimate(delta, end) for delta in deltas for end in ("", HIGH)}
    note = " ".join([ESTIMATE, *_summary(frame, measured)])
    shown = show(frame, [*SHOWN, *estimates], OWN | HERE | estimates)
    return Table("Privacy, measured: the tail of c", note, frame, shown)


def epsilon_column(delta: float, end: str = "") -> str:
    """Name of the column of an estimated epsilon.

    >>> epsilon_column(1e-4), epsilon_column(0.025, HIGH)
    ('estimated_epsilon_1e-4', 'estimated_epsilon_high_2.5e-2')
    """
    return f"estimated_epsilon{end}_{short(delta)}"


def _estimate(delta: float, end: str) -> Column:
    return Column(f"estimated epsilon at delta {short(delta)}{' with shape: high' if end else ''}", decimals(2))


def short(delta: float) -> str:
    """A probability as a reader knows it, exact to six digits."""
    mantissa, exponent = f"{delta:e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def _summary(frame: pd.DataFrame, measured: dict[str, Any]) -> list[str]:
    counts = frame["verdict"].value_counts()
    kept, rejected, undecided = (int(counts.get(verdict, 0)) for verdict in (NOT_REJECTED, REJECTED, UNDECIDED))
    sentences = [
        f"Of {len(frame)} samples (a pair in one direction), a Pareto tail is not rejected in {kept}, rejected in "
        f"{rejected}, undecided in {undecided} (fewer than {measured['minimum_exceedances']:,} texts beyond the "
        "threshold)."
    ]
    if kept:
        rows = frame[frame["verdict"] == NOT_REJECTED]
        for end, what in (("", "of the Pareto tail"), (HIGH, "under the upper limit of the shape")):
            largest = [
                f"{decimals(2)(rows[epsilon_column(delta, end)].max())} at {short(delta)}"
                for delta in measured["deltas"]
            ]
            sentences.append(
                f"The largest estimate {what} among those not rejected, epsilon at delta: {', '.join(largest)}."
            )
        heavier = int((rows["shape_low"] > 0).sum())
        sentences.append(f"In {heavier} of these {kept} the whole interval of the shape is above 0: a heavier tail.")
    if rejected or undecided:
        sentences.append(
            "Where a Pareto tail is rejected or undecided, no epsilon is quoted; the largest estimates leave it out."
            if kept
            else "A Pareto tail is supported in none of them, so no epsilon is quoted."
        )
    sentences.append(
        "The two models of a pair come from one round of the same cohort, except that one person is replaced by "
        "another. Forward: texts that the model of the cohort itself wrote; reverse: texts of the other model. KS is "
        "Lilliefors' statistic times the square root of the number of texts beyond the threshold; its critical value "
        f"at 5 % is simulated (in the paper it is {PAPER_CRITICAL}). The shape is that of a generalised Pareto "
        "distribution of the excesses of log c, with its 95 % interval. 0 is the Pareto tail of c. Above 0 the tail "
        "is heavier, which the test often misses: docs/measured-privacy.md says how much it can hide. Each estimated "
        "epsilon is given a second time, with the upper limit of the shape. The paper has 20 pairs, of which one was "
        "rejected: alpha 14.4 to 20.9, epsilon 0.67 at delta 1e-4, 0.83 at 1e-5, 0.99 at 1e-6."
    )
    return sentences
