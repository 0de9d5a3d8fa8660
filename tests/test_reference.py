"""The schema file and the reference page of a settings model."""

from typing import Annotated, Literal

import yaml
from pydantic import Field

from privatune.core.settings import Settings
from privatune.reference import reference_page, schema_file


class Lines(Settings):
    """Text files, a line a row."""

    kind: Literal["lines"] = "lines"
    skip: int = Field(0, ge=0, description="Lines to skip.")


class Rows(Settings):
    """Tables with a column of text."""

    kind: Literal["rows"]
    column: str = Field(description="Column to read; `a|b` is a name too.")


class Training(Settings):
    """One pass."""

    rate: float = Field(0.5, gt=0, le=1, description="Of SGD.")
    seeds: tuple[int, ...] = Field((0, 1), description="Replicates.")


class Whole(Settings):
    output: str = Field("results", description="Folder of all that is made.")
    sources: dict[str, Annotated[Lines | Rows, Field(discriminator="kind")]] = Field({}, description="Corpora by name.")
    training: Training = Field(Training(), description="Of the model.")
    again: Training = Field(Training(), description="of the same")


def test_page():
    page = reference_page(Whole, {})
    assert "| `output` | `results` | text | Folder of all that is made. |" in page
    assert "## training\n" in page
    assert "| `rate` | `0.5` | a number above 0 and of at most 1 | Of SGD. |" in page
    assert "| `seeds` | `[0, 1]` | a list (each a whole number) | Replicates. |" in page
    assert "## sources.NAME (kind: lines)\n\nText files, a line a row.\n" in page
    assert page.endswith("## again\n\nOf the same.\n\nIts keys are the same as those of `training`.\n")
    assert "`kind`" not in page, "the heading says it"
    assert "## sources.NAME (kind: rows)\n" in page
    assert "| `column` | required | text | Column to read; `a\\|b` is a name too. |" in page


def test_the_defaults_are_those_that_a_configuration_states():
    stated = {"output": "there", "training": {"rate": 0.25}, "sources": {"NAME": {"kind": "lines", "skip": 3}}}
    page = reference_page(Whole, stated)
    assert "| `output` | `there` |" in page
    assert "| `rate` | `0.25` |" in page and "| `seeds` | `[0, 1]` |" in page
    assert "| `skip` | `3` |" in page
    assert page.endswith("Its keys are the same as those of `training`, with other defaults: `rate` `0.5`.\n")


def test_schema_file():
    whole = yaml.safe_load(schema_file(Whole, {"training": {"rate": 0.25}}))
    assert whole["additionalProperties"] is False
    assert whole["properties"]["training"]["properties"]["rate"] == {
        "default": 0.25,
        "description": "Of SGD.",
        "exclusiveMinimum": 0,
        "maximum": 1,
        "type": "number",
    }
