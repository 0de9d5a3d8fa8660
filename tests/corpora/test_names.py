"""Who is who: one person is one person however a name is written, and what is no name is never a person."""

import csv
import json
import logging
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.errors import PrivatuneError
from privatune.corpora.cleaning import CleaningSettings
from privatune.corpora.names import clean_name, person_or_document

JOSE = "Jos\u00e9"
NOBODY = [None, float("nan"), "", " \u200b ", "\\N", "NULL", "None", "null", "nan", 7.5, 1e18, True, "1.23457E+18"]


@pytest.fixture
def jsonl(tmp_path):
    """Write records as JSONL; give the settings of a private source that reads them."""

    def write(*records):
        path = tmp_path / "in" / "train.jsonl"
        path.parent.mkdir()
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return {"kind": "files", "role": "private", "paths": [str(path)], "time_column": None}

    return write


def persons(rows):
    return [row["person"] for row in rows]


@given(st.text())
def test_a_clean_name_is_clean(name):
    assert clean_name(clean_name(name)) == clean_name(name)


@pytest.mark.parametrize(
    "names",
    [
        [JOSE, f"{JOSE} ", "Jose\u0301", f"\ufeff{JOSE}", "Jos\u00ad\u00e9\u200b", f"\u2066{JOSE}\u2069\x00"],
        ["Ann B", "Ann  B", "Ann\u00a0B", "\tAnn\u2003B\n", "Ann \u200b B"],
        [7, 7.0, "7", "7.0", "7.00 "],
        ["007", " 007"],
    ],
)
def test_one_person_however_the_name_is_written(corpus, jsonl, names):
    rows, manifest = corpus(jsonl(*({"person": name, "text": "hi"} for name in names)))
    assert set(persons(rows)) == {str(names[0])}
    assert len(rows) == len(names) and manifest["persons"] == 1


def test_listed_persons_are_found_however_the_name_is_written(corpus, jsonl):
    source = jsonl({"person": "Jose\u0301 ", "text": "a"}, {"person": "bob", "text": "b"})
    rows, manifest = corpus(source, cleaning=CleaningSettings(drop_persons=(f" {JOSE}",)))
    assert (persons(rows), manifest["dropped"]) == (["bob"], {"drop_persons": 1})


@pytest.mark.parametrize("value", NOBODY, ids=repr)
def test_what_is_no_name_is_refused(corpus, jsonl, value, canary):
    with pytest.raises(
        PrivatuneError, match=r"line 2: column `person` is missing or not a name.*missing_persons: drop"
    ):
        corpus(jsonl({"person": "ann", "text": canary}, {"person": value, "text": canary}))


def test_what_is_no_name_is_dropped_and_counted(corpus, jsonl):
    source = jsonl({"person": "ann", "text": "hi"}, *({"person": value, "text": "hi"} for value in NOBODY))
    rows, manifest = corpus(source | {"missing_persons": "drop"})
    assert (persons(rows), manifest["persons"]) == (["ann"], 1)
    assert manifest["dropped"] == {"missing_persons": len(NOBODY)}


def test_a_dropped_row_needs_no_time(corpus, jsonl):
    source = jsonl({"person": "ann", "text": "hi", "time": 0}, {"person": None, "text": None, "time": None})
    rows, _ = corpus(source | {"missing_persons": "drop", "time_column": "time"})
    assert persons(rows) == ["ann"]


def test_names_that_differ_in_case_are_kept_apart_and_named(corpus, jsonl, caplog):
    caplog.set_level(logging.WARNING)
    names = ["Ann", "bob", "ann", "ANN", "ann"]
    rows, manifest = corpus(jsonl(*({"person": name, "text": "hi"} for name in names)))
    assert persons(rows) == names
    assert (manifest["persons"], manifest["differing_in_case"]) == (4, [["ANN", "Ann", "ann"]])
    assert "3 names differ from others in case alone, and are kept apart: ANN, Ann, ann" in caplog.text


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (Decimal("1234567890123456789"), "1234567890123456789"),
        (Decimal("7.00"), "7"),
        (Decimal("7.5"), None),
        (date(2020, 1, 30), "2020-01-30"),
        (datetime(2020, 1, 30, tzinfo=UTC), None),
        (2**60 + 1, str(2**60 + 1)),
        (b"ann", None),
        (["ann"], None),
        (-3.0, "-3"),
        (float("inf"), None),
        (f"{2**53}.0", None),
    ],
)
def test_values_of_parquet_and_hugging_face(value, name):
    assert person_or_document(value) == name


def test_documents_and_parts_are_cleaned_before_they_are_compared(corpus, jsonl):
    records = [
        {"doc": JOSE, "part": "train"},
        {"doc": "Jose\u0301 ", "part": " train"},
        {"doc": "b", "part": "test\u200b"},
    ]
    source = jsonl(*(record | {"text": "hi"} for record in records))
    source |= {"role": "general", "document_column": "doc", "part_column": "part"}
    rows, manifest = corpus(source)
    assert [(row["document"], row["part"]) for row in rows] == [(JOSE, "train"), (JOSE, "train"), ("b", "test")]
    assert manifest["documents"] == {"train": 1, "test": 1}


def test_labels_are_cleaned_before_they_are_compared(corpus, jsonl):
    labels = ["caf\u00e9", "cafe\u0301\u200b", "tea"]
    source = jsonl(*({"label": label, "text": str(n)} for n, label in enumerate(labels))) | {"role": "labelled"}
    assert corpus(source)[1]["classes"] == {"caf\u00e9": 2, "tea": 1}


@pytest.mark.parametrize("form", ["csv", "tsv", "jsonl", "parquet"])
def test_hugging_face_gives_what_files_give(corpus, tmp_path, form):
    pytest.importorskip("datasets")
    import pyarrow as pa
    import pyarrow.parquet as pq

    named = ["007", "7", "NA", JOSE + " ", "Jose\u0301", "2020-01-30", "12.50", "True", "1e5", "n/a"]
    texts = ["NA", "null", "N/A", "nan", "1.0", "True", "2020-01-30", "None", "007", "a, b"]
    folder = tmp_path / "set"
    folder.mkdir()
    path = folder / f"train.{form}"
    records = [{"person": name, "text": text, "time": 5} for name, text in zip(named, texts, strict=True)]
    if form == "parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    elif form == "jsonl":
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
    else:
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["person", "text", "time"], delimiter="\t" if form == "tsv" else ",")
            writer.writeheader()
            writer.writerows(records)
    from_files, _ = corpus({"kind": "files", "role": "private", "paths": [str(path)]})
    from_hub, _ = corpus({"kind": "huggingface", "role": "private", "dataset": str(folder)})
    assert persons(from_files) == ["007", "7", "NA", JOSE, JOSE, "2020-01-30", "12.50", "True", "1e5", "n/a"]
    assert [row["text"] for row in from_files] == texts
    assert from_hub == from_files
