import subprocess
import sys
from importlib import import_module
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from privatune.corpora.catalog import SourceName, SourceSettings

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
