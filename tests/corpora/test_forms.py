"""The forms in which people's programs write text: line ends, separators, quotes, packings."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from privatune.core.errors import PrivatuneError
from privatune.corpora import lines

ROWS = [("ann", "hello there"), ("bob", "good, day")]


@pytest.fixture
def read(corpus, tmp_path):
    """Persons and texts of a private file with this content."""

    def rows(name, content, **more):
        path = tmp_path / name
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        found, _ = corpus({"kind": "files", "role": "private", "paths": [str(path)], "time_column": None, **more})
        return [(row["person"], row["text"]) for row in found]

    return rows


@pytest.fixture
def refused(read, canary):
    """The message for a file that is not read."""

    def message(name, content, **more):
        with pytest.raises(PrivatuneError) as caught:
            read(name, content, **more)
        assert canary not in str(caught.value) and name in str(caught.value)
        return str(caught.value)

    return message


@pytest.mark.parametrize("block", [1, 2, 7, 1 << 18])
@pytest.mark.parametrize("end", ["\r", "\r\n", "\n"])
def test_line_ends(read, monkeypatch, end, block):
    monkeypatch.setattr(lines, "_BLOCK", block)
    table = end.join(["person,text", "ann,hello there", 'bob,"good, day"', ""])
    assert read("chat.csv", table) == read("chat.csv", table.rstrip()) == ROWS
    assert read("chat.csv", f'person,text{end}ann,"two{end}lines"{end}') == [("ann", "two lines")]
    objects = end.join(json.dumps({"person": person, "text": text}) for person, text in ROWS)
    assert read("chat.jsonl", objects) == ROWS


def test_line_ends_of_all_kinds_in_one_file(read):
    assert read("chat.tsv", "person\ttext\rann\thello there\r\nbob\tgood, day\n") == ROWS


SEMICOLONS = "person;text\r\nann;hello there\r\nbob;good, day\r\n"


@pytest.mark.parametrize(("separator", "name"), [(";", "semicolon"), ("\t", "tab"), ("|", "vertical bar")])
@pytest.mark.parametrize("quote", ["", '"'])
def test_another_separator_is_named(read, refused, separator, name, quote):
    table = SEMICOLONS.replace("person;text", f"{quote}person{quote};{quote}text{quote}").replace(";", separator)
    assert read("chat.csv", table, separator=separator) == ROWS
    message = refused("chat.csv", table)
    shown = "\\t" if separator == "\t" else separator
    assert f'line 1: its fields seem to be separated by a {name}; set `separator: "{shown}"`' in message
    assert 'set `separator: ","`' in refused("chat.csv", "person,text\nann,hello\n", separator=separator)


def test_another_separator_with_other_columns(refused):
    assert 'set `separator: ";"`' in refused("chat.csv", SEMICOLONS.replace("text", "message"))


@pytest.mark.parametrize("first", ["sep=;\r\n", '"sep=;"\n', "\ufeffSEP=;\n"])
def test_a_first_line_that_states_the_separator(read, refused, first):
    assert read("chat.csv", first + SEMICOLONS) == read("chat.csv", first + SEMICOLONS, separator=";") == ROWS
    assert "another separator than `separator`" in refused("chat.csv", first + SEMICOLONS, separator="|")
    assert "line 3: 3 fields" in refused("chat.csv", f"{first}person;text\nann;a;b\n")


@pytest.mark.parametrize("separator", ["", ";;", '"', "\n", "\\"])
def test_what_is_no_separator(separator):
    from pydantic import ValidationError

    from privatune.corpora.sources.files import FilesSource

    with pytest.raises(ValidationError, match="separator"):
        FilesSource(role="private", paths=("x.csv",), separator=separator)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (r'"she said \"no\", twice"', 'she said "no", twice'),
        (r'"5\""', '5"'),
        (r"say \"hi\"", 'say "hi"'),
        (r'"ends in \\"', "ends in \\"),
        (r"C:\new\table", r"C:\new\table"),
        ('"doubled ""too"""', 'doubled "too"'),
        (r"one\, two", "one, two"),
    ],
)
def test_quotes_after_backslashes(read, field, text):
    table = f"person,text\nann,{field}\nbob,x\n"
    assert read("chat.csv", table, backslashes=True) == [("ann", text), ("bob", "x")]


@pytest.mark.parametrize("field", [r'"she said \"no\", twice"', r'"5\""', r'"a\",b"'])
def test_quotes_after_backslashes_are_named(refused, field, canary):
    message = refused("chat.csv", f"person,text\nann,{field}\nbob,{canary}\n")
    assert "set `backslashes: true`" in message and "chat.csv line" in message


def test_what_cannot_be_opened_is_named(tmp_path):
    with pytest.raises(PrivatuneError, match=r"cannot be opened \(Is a directory\); correct its permissions"):
        lines.packing(str(tmp_path))


@pytest.mark.parametrize("name", ["chat.csv", "chat.csv.gz", "chat.csv.zst"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress, zstandard.compress])
def test_packings_are_told_by_their_first_bytes(read, name, pack):
    assert read(name, pack(SEMICOLONS.encode()), separator=";") == ROWS


def zipped(content):
    with zipfile.ZipFile(file := io.BytesIO(), "w") as archive:
        archive.writestr("chat.csv", content)
    return file.getvalue()


def tarred(content):
    with tarfile.open(fileobj=(file := io.BytesIO()), mode="w:gz") as archive:
        member = tarfile.TarInfo("chat.csv")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return file.getvalue()


@pytest.mark.parametrize(
    ("pack", "end", "message"),
    [
        (bz2.compress, ".bz2", "packed by bzip2; unpack it with `bunzip2`"),
        (lzma.compress, ".xz", "packed by xz; unpack it with `unxz`"),
        (zipped, ".zip", "a ZIP archive or a spreadsheet"),
        (tarred, ".gz", "a tar archive; unpack it"),
    ],
)
def test_packings_that_are_not_read_are_named(refused, pack, end, message):
    for name in ("chat.csv", f"chat.csv{end}"):
        assert message in refused(name, pack(SEMICOLONS.encode()))


def test_parquet_under_another_name(read, refused, tmp_path):
    pq.write_table(pa.table({"person": ["ann"], "text": ["hi"]}), tmp_path / "it")
    content = (tmp_path / "it").read_bytes()
    assert read("chat.csv", content) == read("chat", content) == [("ann", "hi")]
    assert "a Parquet file; set `format: parquet`" in refused("chat.csv", content, format="csv")


@pytest.mark.parametrize("indent", [None, 1])
def test_a_json_array_is_named(refused, indent):
    rows = [{"person": person, "text": text} for person, text in ROWS]
    assert "if the file is one JSON array, write its objects as lines" in refused(
        "a.json", json.dumps(rows, indent=indent)
    )
    assert "write it as one line: `jq -c .`" in refused("a.json", json.dumps(rows[0], indent=1))
    assert "if it is a JSON array" in refused("a.json", json.dumps([{"text": "x" * 2**24}]))


def test_a_zero_width_space_separates_words(corpus, tmp_path):
    (tmp_path / "chat.csv").write_text("person,text\nann,hello\u200bworld\nsok,ខ្ញុំ\u200bស្រឡាញ់\u200bភាសា\u200bខ្មែរ\n")
    source = {"kind": "files", "role": "private", "paths": [str(tmp_path / "chat.csv")], "time_column": None}
    rows, manifest = corpus(source)
    assert rows[0]["text"] == "hello world"
    assert manifest["words"] == 2 + 4
