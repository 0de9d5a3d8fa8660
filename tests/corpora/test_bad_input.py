"""What users' files get wrong: one line that names the file and the remedy, no text of theirs, nothing written."""

import gzip
import json
import traceback
import tracemalloc

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from privatune.core.errors import PrivatuneError


@pytest.fixture
def refused(corpus, tmp_path, canary):
    """Expect a file to be refused; give the message."""

    def check(name, content, **more):
        path = tmp_path / name
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(PrivatuneError) as caught:
            corpus({"kind": "files", "role": "private", "paths": [str(path)], "time_column": None, **more})
        message = str(caught.value)
        assert message.startswith("sources.it: ") and "\n" not in message
        assert canary not in "".join(traceback.format_exception(caught.value))
        assert not list(tmp_path.glob("out/*")) and not list(tmp_path.glob("out/.*"))
        assert str(path) in message or "no text is left" in message
        return message

    return check


def line(**values):
    return json.dumps(values).encode() + b"\n"


@pytest.fixture
def good(canary):
    return line(person="ann", text=canary)


def test_missing_file(refused):
    assert "no such file; correct `paths`" in refused("gone.csv", None)


def test_pattern_without_files(refused):
    assert "no file matches this pattern; correct `paths`" in refused("*.csv", None)


def test_name_that_implies_no_format(refused, good):
    assert "set `format`" in refused("chat.data", good)


@pytest.mark.parametrize("key", ["text_column", "person_column", "time_column"])
@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
def test_missing_column(refused, tmp_path, canary, form, key):
    if form == "parquet":
        pq.write_table(pa.table({"person": ["ann"], "text": [canary]}), tmp_path / "chat.parquet")
        content = None
    else:
        content = {"jsonl": line(person="ann", text=canary), "csv": f"person,text\nann,{canary}\n".encode()}[form]
    message = refused(f"chat.{form}", content, **{key: "nope"})
    assert f"no column `nope`; name the right one in `{key}`" in message


def test_table_without_a_header_line(refused, canary):
    assert "no column `person`" in refused("chat.csv", f"ann,{canary}\nbob,{canary}\n".encode())


@pytest.mark.parametrize("content", [b"", b"\n\n", line(person="ann", text=" "), line(person="ann", text=None)])
def test_empty_corpus(refused, content):
    assert "no text is left of" in refused("chat.jsonl", content)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_invalid_utf8(refused, good, canary, form):
    head = good if form == "jsonl" else f"person,text\nann,{canary}\n".encode()
    message = refused(f"chat.{form}", head + f"{canary} caf".encode() + b"\xe9\n")
    assert f"line {len(head.splitlines()) + 1}: not UTF-8; convert the file" in message


def test_invalid_utf8_in_parquet(refused, tmp_path, canary):
    text = pa.array([canary.encode() + b"\xff"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"person": ["ann"], "text": text}), tmp_path / "chat.parquet")
    assert "not UTF-8" in refused("chat.parquet", None)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["chat.jsonl", "chat.csv", "chat.jsonl.gz"])
def test_line_of_100_mb_in_bounded_memory(refused, tmp_path, good, name):
    blocks = [b"person,text\n", *[b"x" * 2**20] * 100, b"\n", good]
    with gzip.open(tmp_path / name, "wb", 1) if name.endswith("gz") else (tmp_path / name).open("wb") as file:
        file.writelines(blocks)
    tracemalloc.start()
    try:
        message = refused(name, None, format="csv")
        assert tracemalloc.get_traced_memory()[1] < 60e6
    finally:
        tracemalloc.stop()
    assert "line 2: longer than 16 MiB; split it into several lines" in message


def test_text_of_more_than_16_mi_characters(refused, tmp_path):
    pq.write_table(pa.table({"person": ["ann"], "text": ["x" * (2**24 + 1)]}), tmp_path / "chat.parquet")
    assert "row 1: column `text` is longer than 16 Mi characters" in refused("chat.parquet", None)


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_nul_bytes(refused, good, form):
    assert "line 2: has a NUL byte" in refused(f"chat.{form}", b"person,text\n" + good[:-5] + b"\0\n", format="csv")


def test_utf16(refused, good):
    assert "UTF-8; convert the file" in refused("chat.jsonl", good.decode().encode("utf-16"))


def test_escaped_nul_and_surrogate_become_spaces(corpus, tmp_path):
    (tmp_path / "chat.jsonl").write_text('{"person": "a", "text": "a\\u0000b \\ud800c\\td"}\n')
    rows, manifest = corpus(
        {"kind": "files", "role": "private", "paths": [str(tmp_path / "chat.jsonl")], "time_column": None}
    )
    assert rows[0]["text"] == "a b  c d"
    assert manifest["changed"] == {"control_characters": 1}


@pytest.mark.parametrize("content", [b"[1]\n", b"{broken", b"[" * 100_000 + b"\n", b'"text"\n'])
def test_line_that_is_no_json_object(refused, good, content):
    assert "line 2: not a JSON object" in refused("chat.jsonl", good + content)


def test_value_that_is_not_text(refused, canary):
    assert "line 1: column `text` is not text" in refused("chat.jsonl", line(person="ann", text=[canary]))


def test_row_without_a_person(refused, canary):
    assert "column `person` is missing or not a name" in refused("chat.jsonl", line(person="", text=canary))


@pytest.mark.parametrize("time", ["my PIN is 4711", None, "", [1], True, 1e300, "2018-13-01"])
def test_value_that_is_not_a_time(refused, canary, time):
    message = refused("chat.jsonl", line(person="ann", text=canary, time=time), time_column="time")
    assert "line 1: column `time` is not a time; set `time_format` or `time_unit`" in message


def test_unknown_part(refused, canary):
    message = refused("x.jsonl", line(text="a", split=canary), role="general", part_column="split")
    assert "column `split` is none of train, valid and test" in message


def test_column_that_stands_twice(refused, canary, tmp_path):
    assert "the column `text` occurs twice" in refused("chat.csv", f"person,text,text\nann,{canary},42\n".encode())
    table = pa.Table.from_arrays(
        [pa.array(["ann"]), pa.array([canary]), pa.array([canary])], ["person", "text", "text"]
    )
    pq.write_table(table, tmp_path / "chat.parquet")
    assert "the column `text` occurs twice" in refused("chat.parquet", None)


def test_column_that_is_not_used_may_stand_twice(corpus, tmp_path):
    (tmp_path / "chat.csv").write_text("person,,text,\nann,1,hi,2\n")
    source = {"kind": "files", "role": "private", "paths": [str(tmp_path / "chat.csv")], "time_column": None}
    assert [row["text"] for row in corpus(source)[0]] == ["hi"]


@pytest.mark.parametrize("more", ['"text": "b"', '"at": {"x": 1, "x": 2}'])
def test_key_that_stands_twice_in_an_object(refused, good, canary, more):
    content = good + f'{{"person": "ann", "text": "{canary}", {more}}}\n'.encode()
    assert "line 2: a key occurs twice in one object" in refused("chat.jsonl", content)


@pytest.mark.parametrize("row", ["ann,{0},{0}", "{0}"])
def test_row_of_another_length(refused, canary, row):
    message = refused("chat.csv", f"person,text\nann,{canary}\n{row.format(canary)}\n".encode())
    assert "line 3: " in message and "but the header has 2" in message


@pytest.mark.parametrize("text", ['"never closed\n', '"closed" early\n'])
def test_wrong_quotes(refused, canary, text):
    assert "set `quotes: false`" in refused("chat.csv", f"person,text\nann,{canary}\nann,{text}ann,{canary}\n".encode())


@pytest.mark.parametrize("pack", ["gz", "zst"])
@pytest.mark.parametrize("cut", [slice(-20), slice(8, None)])
def test_damaged_archive(refused, good, pack, cut):
    packed = (gzip.compress if pack == "gz" else zstandard.compress)(
        b"".join(line(person="a", text=str(i)) for i in range(99))
    )
    assert "cannot be read past line" in refused(f"chat.jsonl.{pack}", packed[cut])


def test_damaged_parquet(refused, tmp_path, canary):
    path = tmp_path / "chat.parquet"
    pq.write_table(pa.table({"person": ["ann"] * 999, "text": [f"{canary} {i}" for i in range(999)]}), path)
    whole = path.read_bytes()
    for damaged in (whole[:-30], whole[:300] + bytes(200) + whole[500:], b"PAR1" + canary.encode(), b""):
        assert "cannot be read past row 0" in refused("chat.parquet", damaged)


def test_unforeseen_error_keeps_the_text_to_itself(corpus, tmp_path, good, canary, monkeypatch):
    def fail(*_):
        raise RuntimeError(canary)

    (tmp_path / "chat.jsonl").write_bytes(good)
    monkeypatch.setattr("privatune.corpora.reading.clean_private", fail)
    with pytest.raises(
        PrivatuneError, match=r"sources\.it: cannot be read \(RuntimeError at test_bad_input\.py"
    ) as caught:
        corpus({"kind": "files", "role": "private", "paths": [str(tmp_path / "chat.jsonl")]})
    assert canary not in "".join(traceback.format_exception(caught.value))
