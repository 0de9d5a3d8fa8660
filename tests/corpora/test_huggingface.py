import json
import logging
import traceback

import pytest

from privatune.core.errors import PrivatuneError
from privatune.corpora.sources.huggingface import HuggingFaceSource

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def offline(monkeypatch, tmp_path):
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


@pytest.fixture
def folder(tmp_path):
    """A dataset as the hub has it: data files named by split."""
    folder = tmp_path / "set"
    folder.mkdir()
    for split in ("train", "validation", "test"):
        lines = [{"user": "ann", "at": 1525132800 + i, "text": f"{split} {i}"} for i in range(3)]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


def test_general_parts_are_splits(corpus, folder):
    splits = {"train": "train", "valid": "validation", "test": "test"}
    rows, manifest = corpus({"kind": "huggingface", "role": "general", "dataset": str(folder), "splits": splits})
    assert [(row["part"], row["text"]) for row in rows][3:5] == [("valid", "validation 0"), ("valid", "validation 1")]
    assert manifest["documents"] == {"train": 3, "valid": 3, "test": 3}
    assert len(manifest["files"]) == 3


def test_private_rows(corpus, folder):
    columns = {"person_column": "user", "time_column": "at", "max_rows": 2}
    rows, _ = corpus({"kind": "huggingface", "role": "private", "dataset": str(folder), **columns})
    assert [(row["person"], row["time"].isoformat(), row["text"]) for row in rows] == [
        ("ann", "2018-05-01T00:00:00+00:00", "train 0"),
        ("ann", "2018-05-01T00:00:01+00:00", "train 1"),
    ]


def test_the_first_rows_of_each_split(corpus, folder):
    splits = {"train": "train", "valid": "validation", "test": "test"}
    source = {"kind": "huggingface", "role": "general", "dataset": str(folder), "splits": splits, "max_rows": 2}
    assert corpus(source)[1]["documents"] == {"train": 2, "valid": 2, "test": 2}


def test_saved_dataset(corpus, tmp_path):
    train = datasets.Dataset.from_dict({"text": ["a", "b"]})
    train.save_to_disk(tmp_path / "one")
    datasets.DatasetDict({"train": train, "dev": train}).save_to_disk(tmp_path / "dict")
    general = {"kind": "huggingface", "role": "general"}
    assert [row["text"] for row in corpus({**general, "dataset": str(tmp_path / "one")})[0]] == ["a", "b"]
    splits = {"train": "train", "valid": "dev"}
    assert corpus({**general, "dataset": str(tmp_path / "dict"), "splits": splits})[1]["documents"] == {
        "train": 2,
        "valid": 2,
    }


@pytest.mark.parametrize("wrong", [{"splits": {"train": "gone"}}, {"dataset": "no-one/no-such-set"}])
def test_missing_dataset_or_split(corpus, folder, tmp_path, wrong):
    with pytest.raises(PrivatuneError, match=r"sources\.it: .* cannot be read past row 0 .*check `dataset`"):
        corpus({"kind": "huggingface", "role": "general", "dataset": str(folder), **wrong})
    assert not list(tmp_path.glob("out/*"))


def test_column_that_stands_twice(corpus, folder):
    for file in folder.glob("*.jsonl"):
        file.unlink()
    (folder / "train.csv").write_text("text,text\na,b\n")
    with pytest.raises(PrivatuneError, match="has the column `text` twice"):
        corpus({"kind": "huggingface", "role": "general", "dataset": str(folder)})


def test_a_row_with_a_field_too_many_is_refused(corpus, folder, canary):
    for file in folder.glob("*.jsonl"):
        file.unlink()
    (folder / "train.csv").write_text(f"user,text\nann,hi\nbob,{canary}, and more\n")
    with pytest.raises(PrivatuneError, match="cannot be read past row 0"):
        corpus({"kind": "huggingface", "role": "general", "dataset": str(folder)})


def test_a_column_that_is_not_used_may_change_its_type(corpus, folder):
    for file in folder.glob("*.jsonl"):
        file.unlink()
    lines = [f"{n},text {n}" for n in range(15_000)] + ["x,last", ",none"]  # more than one block of `datasets`
    (folder / "train.csv").write_text("id,text\n" + "\n".join(lines) + "\n")
    rows, _ = corpus({"kind": "huggingface", "role": "general", "dataset": str(folder)})
    assert [row["text"] for row in rows[-3:]] == ["text 14999", "last", "none"]


def test_broken_data_file_gives_one_line(corpus, folder, caplog, canary):
    logging.getLogger("datasets").addHandler(caplog.handler)
    (folder / "train.jsonl").write_text(f'{{"text": {canary}}}\n')
    with pytest.raises(PrivatuneError, match="cannot be read past row 0"):
        corpus({"kind": "huggingface", "role": "general", "dataset": str(folder)})
    assert caplog.text == ""


def test_error_that_quotes_the_text_is_not_passed_on(corpus, folder, canary):
    with (folder / "train.jsonl").open("w") as file:  # the type is fixed by the first 10 MB; the rest cannot be cast
        file.writelines(json.dumps({"text": number, "more": "x" * 10**4}) + "\n" for number in range(1100))
        file.write(json.dumps({"text": canary, "more": ""}) + "\n")
    with pytest.raises(Exception, match=canary):
        list(datasets.load_dataset(str(folder), split="train", streaming=True))
    with pytest.raises(PrivatuneError) as caught:
        corpus({"kind": "huggingface", "role": "general", "dataset": str(folder), "text_column": "more"})
    assert canary not in "".join(traceback.format_exception(caught.value))


def test_inputs_are_the_local_files(folder):
    local = HuggingFaceSource(role="general", dataset=str(folder))
    assert local.inputs() == [str(folder / f"{split}.jsonl") for split in ("test", "train", "validation")]
    assert HuggingFaceSource(role="general", dataset="Salesforce/wikitext").inputs() == []
