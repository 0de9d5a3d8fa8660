"""Folders of exported models: what is found in them, and what is refused in one line."""

import pytest

from privatune.core.errors import PrivatuneError
from privatune.demo.exported import exported_models


def test_the_general_model_comes_first_and_classifiers_are_left_out(export, weights, tmp_path):
    for name, whole in weights.items():
        export(tmp_path / name, whole)
    export(tmp_path / "aaa", weights["general"], kind="classifier")
    found = exported_models(tmp_path, "float32")
    assert list(found) == ["general", "averaging", "private"]
    assert found["private"].about["epsilon"] == 0.5 and found["general"].keyboard.words[:2] == ["<unk>", "<eos>"]


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda folder: (folder / "about.json").unlink(), r"no exported language model; run `snakemake .*export`"),
        (lambda folder: (folder / "about.json").write_text("{}"), r"about.json: damaged"),
        (lambda folder: (folder / "model.onnx").unlink(), r"model.onnx: cannot be read"),
        (lambda folder: (folder / "model.onnx").write_bytes(b"x"), r"model.onnx: damaged"),
        (lambda folder: (folder / "tokenizer.json").unlink(), r"tokenizer.json: cannot be read"),
    ],
)
def test_what_is_missing_or_damaged_is_named(export, weights, tmp_path, spoil, said):
    export(tmp_path / "general", weights["general"])
    spoil(tmp_path / "general")
    with pytest.raises(PrivatuneError, match=said):
        exported_models(tmp_path, "float32")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda weight: weight[:-1], "other words"),
        (lambda weight: weight * float("nan"), "are not numbers"),
    ],
)
def test_a_model_that_does_not_fit_is_refused(export, weights, tmp_path, change, said):
    spoilt = {name: change(part) if name.startswith("output") else part for name, part in weights["general"].items()}
    export(tmp_path / "general", spoilt)
    with pytest.raises(PrivatuneError, match=f"model.onnx: .*{said}"):
        exported_models(tmp_path, "float32")


def test_weights_of_8_bits_are_another_file(export, weights, tmp_path):
    export(tmp_path / "general", weights["general"])
    with pytest.raises(PrivatuneError, match=r"model.int8.onnx: cannot be read"):
        exported_models(tmp_path, "int8")
