import gzip
import json
import os
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from privatune.corpora.cleaning import CleaningSettings
from privatune.corpora.reading import read_corpus
from privatune.corpora.sources.files import FilesSource

CHAT = [("ann", "2018-05-01T10:00:00+02:00", 'she said "no", twice'), ("bob", "2018-05-01T08:00:01Z", "ünïcode")]
EXPECTED = [
    {"person": person, "time": datetime(2018, 5, 1, 8, 0, second, tzinfo=UTC), "text": text}
    for second, (person, _, text) in enumerate(CHAT)
]


def jsonl():
    return "".join(json.dumps({"who": w, "when": t, "said": s, "more": 1}) + "\n" for w, t, s in CHAT).encode()


def separated(delimiter):
    lines = [(w, t, '"' + s.replace('"', '""') + '"') for w, t, s in CHAT]
    return "\r\n".join(delimiter.join(line) for line in [("who", "when", "said"), *lines]).encode()


def source(*paths, **more):
    columns = {"text_column": "said", "person_column": "who", "time_column": "when"}
    return {"kind": "files", "role": "private", "paths": [str(path) for path in paths], **columns, **more}


@pytest.mark.parametrize("pack", ["", ".gz", ".zst"])
@pytest.mark.parametrize("form", ["jsonl", "csv", "tsv"])
def test_text_formats_plain_and_packed(corpus, tmp_path, form, pack):
    data = {"jsonl": jsonl(), "csv": separated(","), "tsv": separated("\t")}[form]
    path = tmp_path / f"chat.{form}{pack}"
    path.write_bytes({"": bytes, ".gz": gzip.compress, ".zst": zstandard.compress}[pack](b"\xef\xbb\xbf" + data))
    rows, manifest = corpus(source(path))
    assert rows == EXPECTED
    assert list(manifest["files"]) == [str(path)]
    assert (manifest["persons"], manifest["words"], manifest["role"]) == (2, 5, "private")


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_with_times_of_any_unit(corpus, tmp_path, unit):
    times = pa.array([row["time"].replace(tzinfo=None) for row in EXPECTED], pa.timestamp("us")).cast(
        pa.timestamp(unit)
    )
    table = pa.table({"x": [0, 1], "said": [s for *_, s in CHAT], "who": [w for w, *_ in CHAT], "when": times})
    pq.write_table(table, tmp_path / "chat.parquet")
    assert corpus(source(tmp_path / "chat.parquet"))[0] == EXPECTED


def test_several_files_in_order_and_the_first_rows_only(corpus, tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.csv").write_text(f"person,text\nann,{name}1\nann,{name}2\n")
    plain = {"kind": "files", "role": "private", "time_column": None}
    rows, _ = corpus({**plain, "paths": [str(tmp_path / "*.csv")], "max_rows": 3})
    assert [row["text"] for row in rows] == ["a1", "a2", "b1"]
    assert {row["time"] for row in rows} == {None}


def test_quotes_can_be_text(corpus, tmp_path):
    (tmp_path / "chat.tsv").write_text('person\ttext\nann\t"well\nbob\tI "see"\n')
    rows, _ = corpus(
        {
            "kind": "files",
            "role": "private",
            "paths": [str(tmp_path / "chat.tsv")],
            "time_column": None,
            "quotes": False,
        }
    )
    assert [row["text"] for row in rows] == ['"well', 'I "see"']


def test_general_documents_lines_and_parts(corpus, tmp_path):
    path = tmp_path / "books.data"
    path.write_text("".join(json.dumps({"text": f"one {i}\n\ntwo"}) + "\n" for i in range(10)))
    general = {"kind": "files", "role": "general", "format": "jsonl", "paths": [str(path)], "licence": "CC0"}
    rows, manifest = corpus({**general, "valid_share": 0.1, "test_share": 0.1})
    assert rows[:3] == [
        {"document": d, "part": "train", "text": t} for d, t in [("0", "one 0"), ("0", "two"), ("1", "one 1")]
    ]
    assert manifest["documents"] == {"train": 8, "valid": 1, "test": 1}
    assert manifest["licence"] == "CC0"


def test_general_documents_and_parts_by_column(corpus, tmp_path):
    path = tmp_path / "books.csv"
    path.write_text("text,book,split\na,x,train\nb,x,train\nc,y,validation\nd,z,test\n")
    rows, manifest = corpus(
        {"kind": "files", "role": "general", "paths": [str(path)], "document_column": "book", "part_column": "split"}
    )
    assert [(row["document"], row["part"]) for row in rows] == [
        ("x", "train"),
        ("x", "train"),
        ("y", "valid"),
        ("z", "test"),
    ]
    assert manifest["documents"] == {"train": 1, "valid": 1, "test": 1}


def test_shares_never_cut_a_document(corpus, tmp_path):
    (tmp_path / "books.csv").write_text("text,book\n" + "".join(f"line,{i // 5}\n" for i in range(50)))
    rows, _ = corpus(
        {
            "kind": "files",
            "role": "general",
            "paths": [str(tmp_path / "books.csv")],
            "document_column": "book",
            "valid_share": 0.3,
        }
    )
    assert sorted({(row["document"], row["part"]) for row in rows if row["part"] == "valid"}) == [
        ("3", "valid"),
        ("6", "valid"),
        ("9", "valid"),
    ]
    assert len({(row["document"], row["part"]) for row in rows}) == 10


def test_inputs_are_the_files_that_exist(tmp_path):
    (tmp_path / "a.csv").touch()
    settings = FilesSource(role="private", paths=(str(tmp_path / "*.csv"), str(tmp_path / "gone.csv")))
    assert settings.inputs() == [str(tmp_path / "a.csv")]


@pytest.mark.parametrize(("role", "mode"), [("private", 0o600), ("labelled", 0o600), ("general", 0o644)])
def test_only_the_owner_can_read_private_and_labelled_text(role, mode, tmp_path):
    """Both the table and its manifest, which names persons and labels; general text is public."""
    columns = {"private": {"person_column": "who", "time_column": None}, "labelled": {"label_column": "who"}}.get(
        role, {}
    )
    (tmp_path / "in.csv").write_text("who,text\nann,one two\nbob,two three\n")
    source = {"kind": "files", "role": role, "paths": [str(tmp_path / "in.csv")], **columns}
    before = os.umask(0o022)
    try:
        read_corpus("it", source, CleaningSettings(), None, tmp_path / "t.parquet", tmp_path / "t.json")
    finally:
        os.umask(before)
    assert [(tmp_path / name).stat().st_mode & 0o777 for name in ("t.parquet", "t.json")] == [mode, mode]
