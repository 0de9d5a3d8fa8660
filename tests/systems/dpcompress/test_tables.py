import math

import pytest

from privatune.core.errors import PrivatuneError
from privatune.core.files import write_json
from privatune.report.frames import read_table
from privatune.report.intervals import BOTH, TEXT
from privatune.systems.dpcompress.names import shown_name
from privatune.systems.dpcompress.tables import dpcompress, dpcompress_models, exported, ledger_dpcompress

ABOUT = {"kind": "fine-tune", "blocks": "0 1 2 3 4 5", "start": "pretrained", "mask": "none", "sparsity": 0.0}
NAMES = {
    ("DP full model", "full model"): {},
    ("DP linear probe", "linear probe"): {"kind": "probe"},
    ("DP 3 of 6 blocks, random weights", "3 of 6 blocks, random weights"): {"blocks": "0 2 5", "start": "random"},
    ("DP all blocks, random mask, 33.3 %", "all blocks, random mask, 33.3 %"): {"mask": "random", "sparsity": 1 / 3},
    ("DPKD", "KD"): {"kind": "distil", "blocks": "0 2 5"},
    ("DP teacher, public distillation", "public distillation"): {"kind": "distil-public", "blocks": "0 2 5"},
    ("structured DPIMP", "structured IMP"): {"kind": "drop", "blocks": "0 2 5"},
    ("unstructured DPIMP, 50 %", "unstructured IMP, 50 %"): {"kind": "prune", "mask": "private", "sparsity": 0.4999995},
}


@pytest.mark.parametrize(("names", "about"), NAMES.items())
def test_the_name_follows_from_the_record(names, about):
    assert tuple(shown_name(ABOUT | about | {"target": target}, 6) for target in (4.25, None)) == names


def test_every_classifier_has_a_row(write_classifiers):
    made = dpcompress_models.table(write_classifiers())
    assert len(made.frame) == 3 * (12 * 2 + 4 * 4)
    assert made.frame.groupby("method")["kept"].first()[["full", "half", "prune"]].tolist() == [1, 0.5, 1]
    assert made.shown.loc[made.shown["method"] == "half", "blocks kept"].unique().tolist() == ["0 2 5"]
    assert made.shown["trained blocks"].tolist()[:7:6] == ["0", "2"]
    for stated in ("one labelled sentence", "Zero out one", "validation part", "secure: true", "protect nobody"):
        assert stated in made.note
    assert dpcompress_models.table([]).frame.empty


@pytest.mark.parametrize("change", [0.0, None])
def test_a_training_that_moved_no_weight_is_refused(write_classifiers, change):
    def still(row):
        return row | ({"largest_change": change} if row["method"] == "prune" and row["seed"] == 2 else {})

    with pytest.raises(PrivatuneError, match=r"^dpcompress: trec, prune, seed 2: .*`dpcompress.methods.prune.rate`"):
        dpcompress_models.table(write_classifiers(still))


def test_a_list_of_one_block_stays_text(make_accuracies):
    rows = read_table(make_accuracies(change=lambda row: row | {"blocks": "5"}, methods=["full"], exported=[]), [])
    assert rows["blocks"].dropna().unique().tolist() == ["5"]


def test_rows_without_training_come_first_and_twins_before_their_methods(accuracies):
    frame = read_table(accuracies, dpcompress.COLUMNS)
    assert frame["name"].tolist()[:4] == ["majority class", "linear probe", "DP linear probe", "full model"]
    assert frame.loc[frame["method"] == "full", "target"].tolist()[1:] == [8.0, 4.25, 1.0]
    zero = read_table(accuracies, [])["zero_shot"]
    assert zero.isna().all(), "a set without phrases has none"


def test_the_interval_covers_seeds_and_sentences(accuracies, make_accuracies):
    row = read_table(accuracies, dpcompress.COLUMNS).set_index(["method", "target"]).loc[("half", 4.25)]
    assert row["sources"] == BOTH and row["seeds"] == 3
    assert row["accuracy_high"] - row["accuracy_low"] > 4, "1.5 points of standard error from the sentences"
    assert row["gain_high"] - row["gain_low"] < 2.5, "sentences cancel in a difference"
    alone = read_table(make_accuracies(seeds=[0], methods=["full", "half"]), dpcompress.COLUMNS)
    assert set(alone["sources"].dropna()) == {TEXT}


def test_differences_are_from_the_twin_and_from_the_full_model_at_the_same_level(accuracies):
    frame = read_table(accuracies, dpcompress.COLUMNS)
    frame = frame.assign(target=frame["target"].fillna(0)).set_index(["method", "target"])
    accuracy = frame["accuracy"]
    for method, target in (("prune", 8.0), ("dpkd", 1.0), ("distil-public", 4.25)):
        row = frame.loc[(method, target)]
        assert row["gain"] == pytest.approx(accuracy[method, target] - accuracy[method, 0], abs=1e-3)
        assert row["behind"] == pytest.approx(accuracy[method, target] - accuracy["full", target], abs=1e-3)
    twin = frame.loc[("dpkd", 0)]
    assert math.isnan(twin["gain"]) and twin["behind"] == pytest.approx(
        twin["accuracy"] - accuracy["full", 0], abs=1e-3
    )
    assert frame.loc["full", "behind"].isna().all()


def test_a_method_without_a_twin_has_no_difference_from_it(make_accuracies):
    frame = read_table(make_accuracies(levels=[4.25], exported=[]), dpcompress.COLUMNS)
    assert frame["gain"].isna().all() and frame["behind"].notna().sum() == 15
    assert frame["bytes_int8"].isna().all(), "nothing was exported"


def test_sizes_are_those_of_the_exported_model_at_its_epsilon(accuracies):
    frame = read_table(accuracies, dpcompress.COLUMNS)
    stored = frame[frame["bytes_onnx"].notna()].set_index("method")
    assert list(stored.index) == ["full", "half", "dpkd", "drop-blocks", "prune"] and set(stored["target"]) == {4.25}
    assert stored["bytes_sparse"].notna().tolist() == [False] * 4 + [True]
    assert stored.loc["prune", "bytes_sparse"] < stored.loc["prune", "bytes_safetensors"]
    latency = stored[["seconds_int8_low", "seconds_int8", "seconds_int8_high"]]
    assert (latency.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None) and stored.loc["half", "seconds_onnx"] < 0.003
    measures = read_table(accuracies.with_name("exported.csv"), exported.COLUMNS)
    of_half = measures.loc[measures["method"] == "half", "seconds_onnx"]
    assert stored.loc["half", "seconds_onnx"] == pytest.approx(of_half.median())


def test_the_note_says_what_half_is_and_what_the_epsilon_covers(accuracies, make_accuracies):
    note = accuracies.with_suffix(".md").read_text()
    for stated in (
        "3 of 6 blocks have 24 % fewer weights",
        "one labelled sentence",
        "at the delta in its row",
        "Zero out one",
        "outside the budget",
        "protect nobody",
        "no speed is claimed",
        "keep as many weights of each matrix",
        "drawn as those of BERT were before its training",
        "a finished model of another method, on the sentences of another set without their labels",
        "only for comparison",
    ):
        assert stated in note, stated
    without = make_accuracies(methods=["full"], exported=[]).with_suffix(".md").read_text()
    assert "since all embeddings stay. Sparse" in without


def test_exported_shows_medians_with_their_range(write_measured, tmp_path):
    made = exported.table(write_measured(repeats=3))
    assert len(made.frame) == 5 * 3 and len(made.shown) == 5
    seconds = 1000 * made.frame.loc[made.frame["method"] == "full", "seconds_int8"]
    low, middle, high = (f"{seconds.quantile(q):.3g}" for q in (0, 0.5, 1))
    assert made.shown.loc[0, "int8: ms per sentence, with range"] == f"{middle} ({low} to {high})"
    assert made.shown["stored sparse, MB"].tolist()[:4] == ["–"] * 4 and made.shown.loc[0, "float32, MB"] == "90.8"
    assert exported.table([]).frame.empty
    write_json(tmp_path / "measured.json", {"method": "full"})
    with pytest.raises(PrivatuneError, match=r"measured\.json: has no `set`"):
        exported.table([tmp_path / "measured.json"])


def test_the_ledger_has_a_row_per_private_training(tmp_path):
    shared = {"set": "trec", "method": "dpkd", "target": 4.25, "batch": 256, "q": 0.055, "delta": 2.1e-5, "n": 4685}
    rows = [
        shared
        | {"phase": phase, "number": number, "steps": 40, "noise_multiplier": 0.9, "share": 0.5, "epsilon_alone": 2.9}
        | {"epsilon_so_far": so_far, "epsilon_sum": 3.0 * number}
        for phase, number, so_far in (("teacher", 1, 2.9), ("student", 2, 4.2499))
    ]
    paths = [tmp_path / "ledger.json", tmp_path / "none.json"]
    write_json(paths[0], rows)
    write_json(paths[1], [])
    made = ledger_dpcompress.table(paths)
    assert made.frame.rename(columns={"budget_share": "share"})[list(rows[0])].to_dict("records") == rows
    assert made.shown["epsilon of all trainings so far"].tolist() == ["2.9", "4.25"]
    assert made.shown["share of the budget, %"].tolist() == ["50", "50"]
    assert "only for comparison" in made.note and "one labelled sentence" in made.note
    assert ledger_dpcompress.table([paths[1]]).frame.empty, "nothing private was read"
