"""The schema in words, and the way from a place in it to the user's key."""

from typing import Annotated, Literal

import pytest
from pydantic import Field, ValidationError

from privatune.core.schema import accepts, choices, find, schema
from privatune.core.settings import Settings


class Lines(Settings):
    kind: Literal["lines"] = "lines"
    skip: int = Field(0, ge=0, description="Lines to skip.")


class Rows(Settings):
    kind: Literal["rows"]
    columns: tuple[str, ...] = Field(("text",), min_length=1, description="Columns to read.")


class Whole(Settings):
    sources: dict[str, Annotated[Lines | Rows, Field(discriminator="kind")]] = {}
    threads: int | Literal["auto"] = "auto"
    lines: Lines | None = None


@pytest.mark.parametrize(
    ("node", "words"),
    [
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "a number above 0 and of at most 1"),
        ({"type": "number", "minimum": 0, "exclusiveMaximum": 1}, "a number of at least 0 and below 1"),
        ({"type": "string", "pattern": "^[a-z]+$"}, "text that matches ^[a-z]+$"),
        ({"type": "array", "items": {"type": "integer", "minimum": 0}}, "a list (each a whole number of at least 0)"),
        ({"type": "array", "items": {"type": "string"}, "minItems": 1}, "a list (each text) of at least 1 item"),
        ({"enum": ["plain", "lwf"], "type": "string"}, "one of plain, lwf"),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, "a mapping (each value true or false)"),
        ({}, "a value"),
    ],
)
def test_words(node, words):
    assert accepts(node) == words


def test_written_out():
    text = str(schema(Whole))
    assert "$ref" not in text
    assert "'title'" not in text
    assert schema(Whole)["properties"]["sources"]["additionalProperties"]["oneOf"][0]["properties"]["skip"] == {
        "default": 0,
        "description": "Lines to skip.",
        "minimum": 0,
        "type": "integer",
    }


@pytest.mark.parametrize(
    ("values", "path", "words"),
    [
        ({"sources": {"web": {"kind": "lines", "skip": -1}}}, "sources.web.skip", "a whole number of at least 0"),
        ({"sources": {"web": {"kind": "rows", "columns": ["a", 1]}}}, "sources.web.columns[1]", "text"),
        ({"lines": {"skip": "x"}}, "lines.skip", "a whole number of at least 0"),
        ({"threads": "many"}, "threads", "a whole number, or auto"),
        ({"lines": 3}, "lines", "a mapping, or null"),
    ],
)
def test_place_of_an_error(values, path, words):
    with pytest.raises(ValidationError) as error:
        Whole.model_validate(values)
    for detail in error.value.errors():
        found, node = find(schema(Whole), detail["loc"])
        assert (found, accepts(node)) == (path, words)


def test_choices_of_kinds():
    assert choices(schema(Whole)["properties"]["sources"]["additionalProperties"]) == ["lines", "rows"]
    assert choices(schema(Whole)["properties"]["threads"]) == ["auto"]
