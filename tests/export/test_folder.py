"""The folder of an exported model: plain files with checksums that others can check, too."""

import json
import subprocess

import pytest

from privatune.core.errors import PrivatuneError
from privatune.export.folder import read_about, read_file, write_folder

ABOUT = {"name": "größe", "epsilon": None}


@pytest.fixture
def folder(tmp_path):
    write_folder(tmp_path / "made", ABOUT, {"model.onnx": b"\0\1", "README.md": b"# It"})
    return tmp_path / "made"


def test_files_are_plain_and_checked_by_sha256sum(folder):
    assert json.loads((folder / "about.json").read_text()) == ABOUT == read_about(folder)
    assert read_file(folder / "model.onnx") == b"\0\1"
    said = subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=folder, capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == ["README.md: OK", "about.json: OK", "model.onnx: OK"]


def test_what_was_changed_or_is_missing_is_named(folder):
    (folder / "model.onnx").write_bytes(b"\0\2")
    with pytest.raises(PrivatuneError, match=r"made/model.onnx: damaged .*; delete its folder and run `snakemake exp"):
        read_file(folder / "model.onnx")
    (folder / "README.md").rename(folder / "copy.md")
    with pytest.raises(PrivatuneError, match=r"copy.md: damaged"):
        read_file(folder / "copy.md")
    (folder / "SHA256SUMS").unlink()
    with pytest.raises(PrivatuneError, match=r"made/SHA256SUMS: cannot be read"):
        read_about(folder)
