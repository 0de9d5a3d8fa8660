"""Small corpora, and the sources read as the workflow reads them."""

import hashlib
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from privatune.core.files import read_json
from privatune.corpora.cleaning import CleaningSettings
from privatune.corpora.reading import read_corpus

CANARY = "my PIN is 4711"  # stands for private text, which no message may repeat
RAW = CleaningSettings(drop_persons=(), max_repeats=None, max_line_chars=None, mask_emails=False, mask_urls=False)

Outcome = tuple[list[dict[str, Any]], dict[str, Any]]


@pytest.fixture
def canary() -> str:
    return CANARY


@pytest.fixture
def corpus(tmp_path: Path) -> Callable[..., Outcome]:
    """Read a source as the rule does; give its table's rows and its manifest."""

    def read(source: Mapping[str, Any], package: Path | None = None, cleaning: CleaningSettings = RAW) -> Outcome:
        table, manifest = tmp_path / "out" / "it.parquet", tmp_path / "out" / "it.json"
        read_corpus("it", source, cleaning, package, table, manifest)
        return pq.read_table(table).to_pylist(), read_json(manifest)

    return read


@pytest.fixture
def pinned(tmp_path: Path) -> Callable[..., tuple[dict[str, str], Path]]:
    """Make a wheel of the given members; give the pin that a source needs and the wheel's path."""

    def make(members: Mapping[str, str | bytes]) -> tuple[dict[str, str], Path]:
        path = tmp_path / "sample-1.0-py3-none-any.whl"
        about = {
            "sample-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: sample\nVersion: 1.0\n",
            "sample-1.0.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        }
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in {**members, **about, "sample-1.0.dist-info/RECORD": ""}.items():
                archive.writestr(name, content)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return {"package": "sample", "version": "1.0", "sha256": digest}, path

    return make
