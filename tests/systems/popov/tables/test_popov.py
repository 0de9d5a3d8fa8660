import math

import pandas as pd
import pytest

from privatune.systems.popov.tables.popov import COLUMNS, MEASURES, table

ROWS = [
    "initial",
    "device-rehearsal-25",
    "device-rehearsal",
    "device-lwf",
    "server-distill-real",
    "averaging-rehearsal",
]


def test_a_row_is_a_method_after_some_rounds_in_the_configured_order(write_replicates):
    frame = table(write_replicates(), ROWS[::-1]).frame
    assert list(zip(frame["scenario"], frame["round"], frame["n"], strict=True)) == [
        ("averaging-rehearsal", 1, 3), ("averaging-rehearsal", 4, 3), ("averaging-rehearsal", 10, 1),
        ("server-distill-real", 1, 3), ("device-lwf", 1, 3), ("device-rehearsal", 1, 3), ("device-rehearsal-25", 1, 3),
        ("initial", 0, 1),
    ]  # fmt: skip
    assert list(frame.columns[: len(COLUMNS)]) == COLUMNS


def test_means_deviations_and_differences_are_those_of_the_replicates(write_replicates):
    path = write_replicates()
    rows = pd.read_csv(path).set_index(["scenario", "round", "seed"]).sort_index()
    made = table(path, ROWS).frame.set_index(["scenario", "round"]).loc[("device-lwf", 1)]
    ours, half = (rows.loc[(name, 1)] for name in ("device-lwf", "device-rehearsal"))
    for measure in MEASURES:
        assert made[measure] == pytest.approx(ours[measure].mean())
        assert made[f"{measure}_sd"] == pytest.approx(ours[measure].std())
        pairs = ours[measure] - half[measure]
        width = 4.302653 * pairs.std() / math.sqrt(3)  # Student's t, two degrees of freedom
        assert made[f"{measure}_to_half"] == pytest.approx(pairs.mean())
        assert made[f"{measure}_to_half_low"] == pytest.approx(pairs.mean() - width, rel=1e-5)
        initial = rows.loc[("initial", 0, 0), measure]
        assert made[f"{measure}_to_initial_high"] > made[f"{measure}_to_initial"]
        assert made[f"{measure}_to_initial"] == pytest.approx(ours[measure].mean() - initial)
    assert made["paper_ppl_user"] == 121.7


def test_a_single_run_shows_no_spread_and_a_method_is_not_compared_with_itself(write_replicates):
    made = table(write_replicates(), ROWS)
    frame = made.frame.set_index(["scenario", "round"])
    assert frame.loc[("averaging-rehearsal", 10), ["ppl_average_sd", "ppl_average_to_initial_low"]].isna().all()
    assert math.isnan(frame.loc[("device-rehearsal", 1), "ppl_average_to_half"])
    shown = made.shown.set_index(["scenario", "round"])
    assert "±" not in shown.loc[("averaging-rehearsal", "10"), "average PPL, words"]
    assert "±" in shown.loc[("averaging-rehearsal", "4"), "average PPL, words"]
    assert shown.loc[("initial", "0"), "average PPL, words: difference from initial"] == "–"


def test_without_a_reference_its_differences_are_null(write_replicates, tmp_path):
    models = pd.read_csv(write_replicates())
    models[models["scenario"] == "device-lwf"].to_csv(tmp_path / "one.csv", index=False)
    frame = table(tmp_path / "one.csv", ROWS).frame
    assert len(frame) == 1 and frame.filter(regex="_to_").isna().all(axis=None)
    assert table(tmp_path / "one.csv", ["initial"]).frame.empty
