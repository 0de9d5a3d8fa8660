import os
import subprocess
import sys
from itertools import chain
from pathlib import Path

import pytest

from privatune.core.errors import PrivatuneError
from privatune.corpora.tables import CHOSEN, GENERAL, in_batches, write_table
from privatune.text import rows
from privatune.text.encoding import encode_parts
from privatune.text.settings import TextSettings
from privatune.text.streams import read_counts, read_stream
from privatune.text.tokenizer import build_tokenizer, read_words


@pytest.fixture
def tokenizer(general, tmp_path):
    build_tokenizer([general], TextSettings(vocabulary=9), tmp_path / "tokenizer.json")
    return tmp_path / "tokenizer.json"


def read(path, words):
    stream = read_stream(path)
    return {name: " ".join(words[i] for i in stream.unit(u)) for u, name in enumerate(stream.units)}


def test_general(general, tokenizer, tmp_path):
    outputs = {part: tmp_path / part for part in ("train", "valid", "test")}
    encode_parts([general], "document", tokenizer, outputs)
    words = read_words(tokenizer)
    assert read(outputs["train"], words) == {
        "d1": "the cat sat <unk> the <unk> dog sat , <unk> ! <eos> the dog <eos>",
        "d2": "a dog <unk> a cat <eos>",
    }
    assert read(outputs["test"], words) == {"d3": "the <unk> sat <eos>"}
    assert read_stream(outputs["train"]).lengths.tolist() == [
        3,
        3,
        3,
        1,
        3,
        5,
        3,
        3,
        1,
        3,
        1,
        0,
        3,
        3,
        0,
        1,
        3,
        5,
        1,
        3,
        0,
    ]
    counts = {"corpus": "books", "part": "train", "units": 2, "tokens": 21, "lines": 3, "types": 11, "unknown": 4}
    assert read_counts(outputs["train"]) == [counts]


def test_tables_in_the_order_given(general, tokenizer, tmp_path):
    other = tmp_path / "other.parquet"
    write_table(other, in_batches([("o1", "train", "the end")], GENERAL), GENERAL)
    encode_parts([other, general], "document", tokenizer, {"train": tmp_path / "s", "test": tmp_path / "t"})
    assert list(read_stream(tmp_path / "s").units) == ["o1", "d1", "d2"]
    assert [counts["corpus"] for counts in read_counts(tmp_path / "s")] == ["other", "books"]
    # a table without this part is no error while another has it
    assert list(read_stream(tmp_path / "t").units) == ["d3"]


def test_private(private, tokenizer, tmp_path):
    encode_parts([private], "person", tokenizer, {"train": tmp_path / "s", "heldout": tmp_path / "h"})
    words = read_words(tokenizer)
    assert read(tmp_path / "s", words) == {
        "p0000": "the cat <unk> <eos>",
        "p0001": "sat <eos> " + "<unk> " * 7 + "<eos>",
    }
    # lol and LOL are one type
    assert read_counts(tmp_path / "s")[0]["types"] == 3 + 5
    assert read_stream(tmp_path / "h").lengths.tolist() == [3, 3, 1, 0]


def test_lengths_are_capped(tokenizer, tmp_path):
    table = tmp_path / "long.parquet"
    write_table(table, in_batches([("d", "train", f"{'x' * 300} cat")], GENERAL), GENERAL)
    encode_parts([table], "document", tokenizer, {"train": tmp_path / "s"})
    assert read_stream(tmp_path / "s").lengths.tolist() == [255, 3, 0]


def test_batches_and_pieces_make_no_difference(general, private, tokenizer, tmp_path, monkeypatch):
    encode_parts([general], "document", tokenizer, {"train": tmp_path / "whole"})
    for size in (6, 7, 20):
        monkeypatch.setattr("privatune.text.encoding.PIECE", size)
        monkeypatch.setattr("privatune.text.encoding.pieces", lambda text, size=size: rows.pieces(text, size))
        encode_parts([general], "document", tokenizer, {"train": tmp_path / "cut"})
        assert (tmp_path / "cut").read_bytes() == (tmp_path / "whole").read_bytes()


def test_part_without_text(general, tokenizer, tmp_path):
    with pytest.raises(PrivatuneError, match=r"books\.parquet: no text in part `later`"):
        encode_parts([general], "document", tokenizer, {"later": tmp_path / "s"})
    assert not (tmp_path / "s").exists()


def test_person_who_comes_back(tokenizer, tmp_path):
    table = tmp_path / "private.parquet"
    mixed = [(person, "train", 0, "secret") for person in ("p1", "p2", "p1")]
    write_table(table, in_batches(mixed, CHOSEN), CHOSEN)
    with pytest.raises(PrivatuneError, match=r"private\.parquet: rows of person p1 are not consecutive") as caught:
        encode_parts([table], "person", tokenizer, {"train": tmp_path / "s"})
    assert "secret" not in str(caught.value)


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="elsewhere the peak counts the parent's memory too")
def test_memory_does_not_grow_with_the_text(tmp_path, tokenizer, monkeypatch):
    """Ten times the text: the same memory but for 25 MB, where the text's words alone would take 40 MB as a list."""
    monkeypatch.setattr("privatune.corpora.tables._CHARACTERS", 1 << 18)
    program = (
        "import sys; from pathlib import Path; from privatune.text.encoding import encode_parts;"
        "encode_parts([sys.argv[1]], 'document', sys.argv[2], {'train': sys.argv[3]});"
        "print(Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])"
    )
    peaks = []
    for count in (40, 400):
        table = tmp_path / f"{count}.parquet"
        long = [("long", "train", "the cat sat on the mat " * 20_000)]
        lines = (("lines", "train", "the cat sat on the mat " * 600) for _ in range(count))
        write_table(table, in_batches(chain(long, lines), GENERAL), GENERAL)
        path = {"PYTHONPATH": os.pathsep.join(sys.path)}
        run = [sys.executable, "-c", program, table, tokenizer, tmp_path / "s"]
        peaks.append(int(subprocess.run(run, env=os.environ | path, check=True, capture_output=True).stdout) / 1024)
    assert peaks[1] < 300
    assert peaks[1] - peaks[0] < 25


@pytest.mark.parametrize(("unit", "mode"), [("person", 0o600), ("document", 0o644)])
def test_only_the_owner_can_read_the_text_of_persons(unit, mode, tokenizer, general, private, tmp_path):
    before = os.umask(0o022)
    try:
        encode_parts([private if unit == "person" else general], unit, tokenizer, {"train": tmp_path / "s"})
    finally:
        os.umask(before)
    assert (tmp_path / "s").stat().st_mode & 0o777 == mode
