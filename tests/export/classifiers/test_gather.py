"""Classifiers that a system exported, in a folder like those of language models."""

import json

import onnx
import pytest
from onnx import helper
from tokenizers import Tokenizer
from tokenizers.models import WordLevel

from privatune.core.errors import PrivatuneError
from privatune.core.files import write_json
from privatune.export.classifiers.gather import Files, gather
from privatune.export.folder import read_about, read_file

MEASURED = {
    **{"method": "full", "set": "trec", "seed": 3, "parameters": 1000, "threads": 1, "logit_difference": 1e-6},
    **{"bytes_onnx": 5000, "bytes_int8": 1300, "accuracy_torch": 80.0, "accuracy_onnx": 80.0, "accuracy_int8": 79.5},
    "seconds": {"torch": [0.004, 0.005], "onnx": [0.003, 0.002], "int8": [0.001, 0.001]},
}


TRAINED = {"system": "dpcompress", "encoder": "minilm"}


@pytest.fixture
def files(tmp_path):
    nothing = helper.make_graph([], "empty", [], [])
    model = helper.make_model(nothing)
    helper.set_model_props(model, {"classes": json.dumps(["wer", "wo"])})
    onnx.save(model, tmp_path / "model.onnx")
    (tmp_path / "model.int8.onnx").write_bytes(b"small")
    (tmp_path / "tokenizer.json").write_text(Tokenizer(WordLevel({"a": 0, "b": 1}, unk_token="a")).to_str())
    write_json(tmp_path / "measured.json", MEASURED)
    rows = [
        {"seed": seed, "epsilon": e, "delta": 1e-4, "adjacency": "zero out one"} for seed, e in ((1, 9.0), (3, 4.0))
    ]
    write_json(tmp_path / "classifiers.json", rows)
    write_json(tmp_path / "trec.json", {"source": "trec", "licence": None, "note": "research"})
    names = ("model.onnx", "model.int8.onnx", "tokenizer.json", "measured.json", "classifiers.json", "trec.json")
    return Files(*(tmp_path / name for name in names), [])


def test_a_classifier_is_gathered_with_its_card(files, tmp_path):
    gather(files, "mine", TRAINED, False, tmp_path / "out")
    about = read_about(tmp_path / "out")
    assert about["training"] == {"method": "full", "set": "trec", "seed": 3, **TRAINED}
    assert (about["kind"], about["epsilon"], about["delta"]) == ("classifier", 4.0, 1e-4)
    assert about["classes"] == ["wer", "wo"] and about["vocabulary"] == 2 and about["state"] == {}
    assert about["measures"] == {"float32": {"accuracy": 80.0}, "int8": {"accuracy": 79.5}}
    assert about["bytes"] == {"float32": 5000, "int8": 1300} and about["seconds"]["float32"] == [0.003, 0.002]
    assert read_file(tmp_path / "out/model.int8.onnx") == b"small"
    card = read_file(tmp_path / "out/README.md").decode()
    assert "Epsilon 4 at delta 0.0001, for one sentence with its label (zero out one)." in card
    assert "It covers one training" in card and "(system dpcompress, method full, set trec, encoder" in card
    assert "| accuracy on the test part, % | 80.0 | 79.5 |" in card
    assert "| milliseconds per sentence, one thread | 2.5 | 1 |" in card


def test_a_model_of_another_seed_is_refused(files, tmp_path):
    write_json(files.measured, MEASURED | {"seed": 4})
    with pytest.raises(PrivatuneError, match=r"classifiers.json: no model of seed 4; delete it and run again"):
        gather(files, "mine", TRAINED, False, tmp_path / "out")
