import subprocess
import sys
from importlib import import_module
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from privatune.corpora.catalog import SourceName, SourceSettings
from privatune.corpora.sources.files import FilesSource
from privatune.corpora.sources.huggingface import HuggingFaceSource
from privatune.corpora.sources.sotu import SotuSource

SOURCES = get_args(get_args(SourceSettings)[0])


def test_every_kind_is_the_module_of_its_name():
    for source in SOURCES:
        kind = source.model_fields["kind"].default
        assert import_module(f"privatune.corpora.sources.{kind}").SETTINGS is source


def test_kind_decides_and_unknown_keys_are_refused():
    adapter = TypeAdapter(SourceSettings)
    assert adapter.validate_python({"kind": "sotu", "max_words": 5}).max_words == 5
    for wrong in ({"kind": "twitter"}, {"kind": "sotu", "max_word": 5}, {"max_words": 5}):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)


@pytest.mark.parametrize("name", ["private", "a/b", "A", ""])
def test_names_that_cannot_be_files(name):
    with pytest.raises(ValidationError):
        TypeAdapter(SourceName).validate_python(name)


def test_settings_import_nothing_heavy():
    program = (
        "import sys, privatune.corpora.catalog, privatune.corpora.cleaning, privatune.corpora.split;"
        "print({'numpy', 'pyarrow', 'pandas', 'datasets', 'torch'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env={"PYTHONPATH": ":".join(sys.path)}, capture_output=True, text=True
    )
    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.parametrize("source", [source for source in SOURCES if source is not FilesSource])
def test_a_source_says_how_many_words_it_has(source):
    needed = {"role": "private", "dataset": "name"} if source is HuggingFaceSource else {}
    assert source(**needed).words() >= 50_000


def test_a_cap_on_words_is_a_bound():
    assert SotuSource(max_words=500).words() == 500


def test_files_count_by_their_size(tmp_path):
    plain, packed = tmp_path / "a.jsonl", tmp_path / "b.jsonl.gz"
    for path in (plain, packed):
        path.write_bytes(b"x" * 5000)
    paths = [str(plain), str(packed), str(tmp_path / "missing.csv")]
    assert FilesSource(role="private", paths=paths).words() == 1000 + 4000
    assert HuggingFaceSource(role="private", dataset=str(tmp_path)).words() == 1000 + 4000
