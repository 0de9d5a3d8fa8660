"""The table of exported models: two rows for each, before and after quantisation."""

import pytest

from privatune.export.folder import write_folder
from privatune.export.table import COLUMNS, table

LANGUAGE = {
    **{"name": "dp", "kind": "language model", "parameters": 10, "vocabulary": 5, "threads": 1, "epsilon": 2.0},
    **{"delta": 1e-3, "guarantee": {"secure": False}, "training": {"variant": "dp", "seed": 0}},
    **{"logit_difference": 2e-6, "bytes": {"float32": 4_000_000, "int8": 1_100_000}},
    "seconds": {"torch": [0.003], "float32": [0.002, 0.001, 0.004], "int8": [0.0005, 0.0006, 0.0004]},
    "measures": {"float32": {"ppl_user": 90.0, "kss_user": 30.0}, "int8": {"ppl_user": 91.0, "kss_user": 29.0}},
}
CLASSIFIER = LANGUAGE | {
    **{"name": "full", "kind": "classifier", "epsilon": None, "delta": None, "guarantee": None},
    **{"training": {"method": "full", "seed": 1, "set": "trec"}},
    "measures": {"float32": {"accuracy": 80.0}, "int8": {"accuracy": 79.0}},
}


@pytest.fixture
def made(tmp_path):
    for about in (LANGUAGE, CLASSIFIER):
        write_folder(tmp_path / about["name"], about, {})
    return table([tmp_path / name / "about.json" for name in ("dp", "full")])


def test_rows_are_models_before_and_after(made):
    frame = made.frame
    assert list(frame.columns) == COLUMNS
    assert frame[["name", "precision"]].to_numpy().tolist() == [
        ["dp", "float32"],
        ["dp", "int8"],
        ["full", "float32"],
        ["full", "int8"],
    ]
    assert frame["ppl_user"].tolist()[:2] == [90.0, 91.0] and frame["accuracy"].tolist()[2:] == [80.0, 79.0]
    assert frame["seconds"].tolist()[:2] == [0.002, 0.0005] and frame["seconds_high"][0] == 0.004
    assert frame["epsilon"].tolist()[:2] == [2.0, 2.0] and frame["delta"].notna().tolist() == [True, True, False, False]


def test_readers_see_milliseconds_and_no_epsilon_without_its_delta(made):
    shown = made.shown
    assert shown["ms per word or sentence, with range"].tolist()[:2] == ["2 (1 to 4)", "0.5 (0.4 to 0.6)"]
    assert shown["MB"].tolist()[:2] == ["4.00", "1.10"]
    assert (shown["epsilon"] == "–").tolist() == (shown["delta"] == "–").tolist() == [False, False, True, True]
