import hashlib
import json
import os
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from privatune.core.errors import PrivatuneError
from privatune.core.files import (
    CSV,
    JSON,
    read_json,
    read_sealed,
    replacing,
    scratch,
    write_bytes,
    write_json,
    write_sealed,
)


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
    body = '"content": {\n  "a": [\n    1.5\n  ],\n  "b": 1\n}}\n'
    checksum = hashlib.sha256(body.encode()).hexdigest()
    assert (tmp_path / "a.json").read_text() == f'{{"sha256": "{checksum}",\n{body}'
    assert json.loads((tmp_path / "a.json").read_text())["content"] == {"b": 1, "a": [1.5]}
    with pytest.raises(ValueError, match="JSON compliant"):
        write_json(tmp_path / "b.json", float("nan"))
    assert not (tmp_path / "b.json").exists()


@pytest.mark.parametrize("value", [None, [], {}, {"sha256": "a", "content": 1}, "\n", [{"ü": 0.1}]])
def test_any_json_comes_back(tmp_path, value):
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(PrivatuneError, match=r"a\.json: cannot be read \(No such file or directory\); run again"):
        read_json(tmp_path / "a.json")


@pytest.mark.parametrize("head", [CSV, JSON])
@given(data=st.data())
def test_any_damage_is_named(tmp_path_factory, damaged, head, data):
    path = tmp_path_factory.mktemp("sealed") / "file"
    write_sealed(path, head, b"step,tokens\n1,20\n")
    whole = path.read_bytes()
    found = damaged(data, whole)
    path.write_bytes(found)
    if found == whole:  # a copy of the next bytes was put before them
        assert read_sealed(path, head) == b"step,tokens\n1,20\n"
    else:
        with pytest.raises(PrivatuneError, match=r"file: damaged \(.*delete it and run again"):
            read_sealed(path, head)


@pytest.fixture(scope="module")
def ended():
    """The number of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_what_a_killed_job_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path, ended):
    left = [tmp_path / f".a.{ended}.part", tmp_path / f".a.{ended}.scratch", tmp_path / f".b.{ended}.part"]
    left[0].write_text("private")
    left[1].mkdir()
    (left[1] / "rows").write_text("private")
    left[2].write_text("another file's")
    living = tmp_path / f".a.{os.getppid()}.part"
    living.touch()
    write_bytes(tmp_path / "a", b"")
    with scratch(tmp_path / "a") as folder:
        assert folder.is_dir() and folder.parent == tmp_path
    assert sorted(tmp_path.iterdir()) == sorted([tmp_path / "a", living, left[2]])


def test_scratch_is_removed_when_the_work_fails(tmp_path):
    with pytest.raises(KeyboardInterrupt), scratch(tmp_path / "new" / "a"):
        raise KeyboardInterrupt
    assert list((tmp_path / "new").iterdir()) == []
