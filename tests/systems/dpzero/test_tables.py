import math

import numpy as np
import pandas as pd
import pytest

from privatune.core.errors import PrivatuneError
from privatune.core.files import write_json
from privatune.report.frames import read_table, write_table
from privatune.report.intervals import BOTH, TEXT
from privatune.systems.dpzero.groups import by_directions
from privatune.systems.dpzero.slopes import slope
from privatune.systems.dpzero.tables import dimension, dpzero, dpzero_accuracy, memory, tuning_dpzero


@pytest.fixture
def accuracy(accuracies, write_classifiers, tmp_path):
    def make(**options):
        if not options:
            return read_table(accuracies, dpzero_accuracy.COLUMNS)
        write_table(dpzero.table(write_classifiers(**options)), tmp_path / "dpzero.csv")
        return dpzero_accuracy.table(tmp_path / "dpzero.csv").frame

    return make


def test_every_classifier_has_a_row_with_the_name_that_papers_give_its_method(write_classifiers):
    made = dpzero.table(write_classifiers(sets=["trec"]))
    assert len(made.frame) == 10 * (6 * 3 + 2) + 3 * 9
    names = made.frame.groupby("method", sort=False)["name"].unique().map(list).to_dict()
    assert names["probe"] == ["linear probe", "DP linear probe"]
    assert names["zeroth-1"] == ["MeZO", "DPZero"] and names["dpgd-0th"] == ["DPGD-0th"]
    assert made.shown["epsilon"].unique().tolist() == ["–", "6", "2"]
    assert "outside the budget" in made.note and "Zero out one" in made.note and "secure: true" in made.note


@pytest.mark.parametrize("change", [0.0, math.nan, math.inf])
def test_a_training_that_moved_no_weight_is_refused(write_classifiers, change):
    """It ran, stated an epsilon and learnt nothing."""

    def still(row):
        caught = row["method"] == "lora" and row["set"] == "trec" and row["seed"] == 2
        return row | ({"largest_change": change if math.isfinite(change) else None} if caught else {})

    with pytest.raises(PrivatuneError, match=r"^dpzero: trec, lora, seed 2: .*`dpzero.methods.lora.rate`[^\n]*$"):
        dpzero.table(write_classifiers(still))


def test_a_record_without_a_key_names_file_and_key(write_classifiers):
    def without(row):
        return {key: value for key, value in row.items() if key != "majority"}

    with pytest.raises(PrivatuneError, match=r"classifiers\.json: has no `majority`"):
        dpzero.table(write_classifiers(without))


def test_accuracy_has_rows_of_its_own_for_answers_without_training(accuracy):
    frame = accuracy()
    first = frame.groupby("set", sort=False).head(2)
    assert first["name"].tolist() == ["majority class", "zero-shot", "majority class", "linear probe"], (
        "a set without phrases has no zero-shot accuracy"
    )
    assert first["accuracy"].tolist()[:3] == [48.8, 61.5, 23.8]
    rest = frame[frame["method"].notna()]
    assert rest["majority"].notna().all() and rest.loc[rest["set"] == "trec", "zero_shot"].isna().all()
    assert rest[["set", "method", "epsilon"]].duplicated().sum() == 0
    zeroth = rest[(rest["method"] == "zeroth-1") & (rest["set"] == "trec")]
    assert zeroth["epsilon"].isna().tolist() == [True, False, False] and zeroth["epsilon"].iloc[1] > 5


def test_the_interval_covers_seeds_and_sentences(accuracy, models):
    frame = accuracy()
    row = frame[(frame["set"] == "trec") & (frame["method"] == "zeroth-1")].iloc[1]
    assert row["sources"] == BOTH and row["seeds"] == 10
    records = read_table(models, dpzero.COLUMNS)
    own = records[(records["set"] == "trec") & (records["method"] == "zeroth-1") & records["epsilon"].gt(5)]
    assert row["accuracy"] == pytest.approx(own["accuracy"].mean())
    # both errors add as squares, and 2 points of the sentences exceed what ten seeds add
    text = pd.Series(own["accuracy_resampled"].iloc[0].split()).astype(float).std()
    assert (row["accuracy_high"] - row["accuracy_low"]) / 2 == pytest.approx(
        math.hypot(1.966 * text, 2.262 * own["accuracy"].std() / math.sqrt(10)), rel=0.01
    )


def test_the_difference_from_the_twin_is_paired(accuracy):
    frame = accuracy()
    rows = frame[(frame["set"] == "trec") & (frame["method"] == "zeroth-1")]
    plain, large, _ = rows.itertuples()
    assert math.isnan(plain.gain)
    assert large.gain == pytest.approx(large.accuracy - plain.accuracy, abs=1e-3)
    assert large.gain_low <= large.gain <= large.gain_high
    assert (large.gain_high - large.gain_low) < (large.accuracy_high - large.accuracy_low) / 3, (
        "sentences cancel in a difference"
    )
    (vector,) = frame[(frame["set"] == "trec") & (frame["method"] == "dpgd-0th") & frame["epsilon"].gt(5)].itertuples()
    assert vector.gain == pytest.approx(vector.accuracy - plain.accuracy, abs=1e-3), "DPGD-0th without noise is MeZO"


def test_a_classifier_that_no_seed_changes_counts_once(accuracy):
    rows = accuracy()
    plain, large, _ = rows[(rows["set"] == "trec") & (rows["method"] == "probe")].itertuples()
    assert plain.seeds == 1 and plain.sources == TEXT and plain.accuracy_high - plain.accuracy_low > 5, (
        "an interval of width 0 is none"
    )
    assert large.seeds == 10 and large.gain == pytest.approx(large.accuracy - plain.accuracy, abs=1e-3)


def test_one_seed_has_an_interval_of_the_sentences_alone(accuracy):
    frame = accuracy(seeds=[0], sets=["trec"])
    assert set(frame["sources"].dropna()) == {TEXT} and set(frame["seeds"].dropna()) == {1}


def test_the_least_change_of_a_weight_is_shown(accuracy):
    frame = accuracy(change=lambda row: row | {"largest_change": 1e-9 if row["seed"] == 2 else 0.5}, sets=["trec"])
    assert (frame["largest_change"].dropna() == 1e-9).all()


def test_directions_are_compared_at_equal_steps_and_at_equal_forward_passes(accuracy):
    frame = accuracy(sets=["trec"])
    rows = frame[frame["epsilon"].gt(0) & frame["epsilon"].lt(3)].iloc[::-1]  # DPGD-0th before DPZero
    (steps,) = by_directions(rows, "steps")
    assert steps["method"].tolist() == ["zeroth-1", "zeroth-16", "zeroth-64"], "noise on the vector is another method"
    (forwards,) = by_directions(rows, "forwards")
    assert forwards["method"].tolist() == ["forwards-1", "zeroth-16", "forwards-64"]
    near = rows.assign(forwards=rows["forwards"].where(rows["method"] != "forwards-64", rows["forwards"] * 1.004))
    assert len(next(iter(by_directions(near, "forwards")))) == 3, "steps are whole numbers"
    other = rows.assign(batch=rows["batch"].where(rows["method"] != "zeroth-64", 8))
    assert [group["method"].tolist() for group in by_directions(other, "steps")] == [["zeroth-1", "zeroth-16"]]


def test_memory_shows_the_median_with_its_range(write_costs, tmp_path):
    made = memory.table(write_costs())
    assert len(made.frame) == 6 * 5 and len(made.shown) == 6
    row = made.frame[made.frame["row"] == "adamw-all"]
    shown = made.shown.set_index("row").loc["adamw-all"]
    low, middle, high = (f"{row['peak_memory_mb'].quantile(q):,.0f}" for q in (0, 0.5, 1))
    assert shown["peak memory of a step, MB"] == f"{middle} ({low} to {high})" and shown["repeats"] == "5"
    assert (row["memory_over_inference"] == row["peak_memory_mb"] / row["inference_memory_mb"]).all()
    assert "speed and memory only" in made.note and "a process of its own" in made.note
    assert memory.table([]).frame.empty
    unknown = memory.table(write_costs(known=False))
    assert set(unknown.shown["memory over inference"]) == {"–"}, "where the system measures no peak"
    assert unknown.frame["seconds_over_inference"].notna().all()


def test_the_error_by_dimension(write_dimension):
    made = dimension.table(write_dimension())
    assert len(made.frame) == 2 * 7 * 20 and len(made.shown) == 2 * 7
    rows = made.frame[(made.frame["method"] == "DPZero") & (made.frame["dimension"] == 50)]
    assert made.shown["mean error"].iloc[1] == f"{rows['error'].mean():.3g}"
    slopes = made.shown["slope of log error by log d"].tolist()
    assert slopes.count("–") == 12, "once per method"
    assert [float(slopes[0]), float(slopes[7])] == pytest.approx([0.05, 1.0], abs=0.02)


@pytest.mark.parametrize("truth", [0.0, 1.5])
def test_the_interval_of_a_slope_covers_it(write_dimension, truth):
    made = slope(dimension.table(write_dimension({"DPZero": truth})).frame)
    assert made.n == 20 and made.low <= truth <= made.high and made.high - made.low < 0.1
    # the standard error of least squares with independent errors of 0.1 in each logarithm
    logs = np.log([20, 50, 100, 200, 500, 1000, 2000])
    error = 0.1 / math.sqrt(20) / math.sqrt(((logs - logs.mean()) ** 2).sum())
    assert (made.high - made.low) / 2 == pytest.approx(2.093 * error, rel=0.35)
    narrow, wide = made.at(0.95, 80), made.at(0.99)
    assert narrow[1] - narrow[0] == pytest.approx((made.high - made.low) / 2, rel=0.1)
    assert wide[0] < made.low and made.high < wide[1]


def test_one_replicate_or_one_dimension_has_no_interval_of_a_slope(write_dimension):
    rows = dimension.table(write_dimension()).frame
    rows = rows[rows["method"] == "DPZero"]
    assert math.isnan(slope(rows[rows["replicate"] == 0]).low) and slope(rows[rows["dimension"] == 20]).n == 0
    assert slope(rows.assign(error=math.nan)).n == 0


def test_the_whole_grid_is_published(tmp_path):
    rows = [
        {"set": "trec", "method": "probe", "epsilon": 2.0, "delta": 1e-5, "rate": rate, "clip": clip, "seed": 1000}
        | {"accuracy": 70 + rate, "chosen": rate == 2}
        for rate in (1, 2, 4)
        for clip in (1, 3)
    ]
    write_json(tmp_path / "tuning.json", rows)
    made = tuning_dpzero.table([tmp_path / "tuning.json"])
    assert made.frame.to_dict("records") == rows and made.shown["chosen"].tolist().count("yes") == 2
    assert "outside the budget" in made.note


def test_tables_can_be_read_again(models):
    assert read_table(models, dpzero.COLUMNS)["accuracy_resampled"].str.split().map(len).eq(30).all()
