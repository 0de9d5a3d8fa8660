import os

import pytest

from privatune.core.errors import PrivatuneError
from privatune.core.files import read_json, replacing, write_bytes, write_json


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "folder" / "file"
    with pytest.raises(KeyboardInterrupt), replacing(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert os.listdir(path.parent) == []
    write_bytes(path, b"old")
    with pytest.raises(KeyboardInterrupt), replacing(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt
    assert path.read_bytes() == b"old"
    assert os.listdir(path.parent) == ["file"]


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(PrivatuneError, match=r"file.out: cannot be written .*free space or choose another `output:`"):
        write_bytes(tmp_path / "file" / "out", b"")


def test_json_is_stable_and_refuses_nan(tmp_path):
    write_json(tmp_path / "a.json", {"b": 1, "a": [1.5]})
    assert (tmp_path / "a.json").read_text() == '{\n  "a": [\n    1.5\n  ],\n  "b": 1\n}\n'
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "b.json", float("nan"))
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize("content", [None, b"{", b"\xff\xfe"])
def test_missing_or_damaged_json_is_named(tmp_path, content):
    path = tmp_path / "a.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(PrivatuneError, match=r"a\.json: missing or damaged"):
        read_json(path)
