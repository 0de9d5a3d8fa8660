"""Turn a user's mapping into a settings model, or into one line that says what is wrong and how to correct it."""

import difflib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from privatune.core.errors import PrivatuneError
from privatune.core.schema import Schema, accepts, choices, find, members, schema

Model = TypeVar("Model", bound=BaseModel)


def validated(model: type[Model], values: Mapping[str, Any], at: str = "") -> Model:
    """Return `values` as a `model`.

    Args:
        model: The settings model.
        values: What the user wrote, as YAML reads it. `1e-3`, which YAML reads as text, counts as a number; true and
            false never do.
        at: The place of `values` in the configuration ("scenarios.plain.client"), for the messages.

    Raises:
        PrivatuneError: one line with the key and the remedy of every problem.
    """
    try:
        result = model.model_validate(values)
        problems = [_mistaken(schema(model), at, place, value) for place, value in _mixed(values, result)]
    except ValidationError as error:
        problems = [_problem(schema(model), at, dict(detail)) for detail in error.errors()]
    if problems:  # a union reports a problem once for each alternative that was tried
        raise PrivatuneError("config: " + "; ".join(dict.fromkeys(problems)))
    return result


def _problem(whole: Schema, at: str, error: Mapping[str, Any]) -> str:
    place, (path, node) = error["loc"], find(whole, error["loc"])
    key = error.get("ctx", {}).get("discriminator", "").strip("'")
    match error["type"]:
        case "extra_forbidden":
            return _unknown(whole, at, place)
        case "missing":
            return f"`{_join(at, path)}` is missing; add it: {accepts(node)}"
        case "union_tag_not_found":
            return f"`{_join(at, path, key)}` is missing; choose one of {', '.join(choices(node))}"
        case "union_tag_invalid":
            return _wrong(
                _join(at, path, key), error["ctx"]["tag"], f"one of {', '.join(choices(node))}", choices(node)
            )
        case "value_error":
            where = f"`{_join(at, path)}`: " if at or path else ""
            return f"{where}{error['ctx']['error']}"
        case _ if place and place[-1] == "[key]":
            reason = "a name is text; put it in quotes" if error["type"] == "string_type" else error["msg"]
            return f"name `{_join(at, path)}`: {reason}"
        case _:
            return _mistaken(whole, at, place, error["input"])


def _unknown(whole: Schema, at: str, place: tuple[int | str, ...]) -> str:
    path, _ = find(whole, place)
    above, parent = find(whole, place[:-1])
    key = str(place[-1])
    here = [name for child in members(parent) for name in child.get("properties", {})]
    near = [_join(above, name) for name in difflib.get_close_matches(key, here, 1)]
    near += [name for name in _paths(whole) if name.split(".")[-1] == key]  # a known key in the wrong place
    remedy = f"did you mean `{_join(at, near[0])}`?" if near else f"known here: {', '.join(here)}"
    return f"unknown key `{_join(at, path)}`; {remedy}"


def _mistaken(whole: Schema, at: str, place: tuple[int | str, ...], value: Any) -> str:
    path, node = find(whole, place)
    return _wrong(_join(at, path), value, accepts(node), choices(node))


def _wrong(path: str, value: Any, right: str, names: Sequence[str]) -> str:
    shown = repr(value) if len(repr(value)) <= 60 else repr(value)[:57] + "..."
    near = difflib.get_close_matches(str(value), names, 1)
    remedy = f"did you mean {near[0]}? It must be {right}" if near else f"it must be {right}"
    return f"`{path}` is {shown}; {remedy}" if path else f"it is {shown}; {remedy}"


def _join(*parts: str) -> str:
    return ".".join(part for part in parts if part)


def _paths(node: Schema, path: str = "") -> Iterator[str]:
    for child in members(node):
        for name, below in child.get("properties", {}).items():
            yield f"{path}{name}"
            yield from _paths(below, f"{path}{name}.")


def _mixed(raw: Any, result: Any, place: tuple[int | str, ...] = ()) -> Iterator[tuple[tuple[int | str, ...], Any]]:
    """Places where a boolean became a number, a number or text became a boolean, or a number is not finite."""
    if isinstance(raw, Mapping):
        for key, value in raw.items():
            # a converted key, such as "1" that became 1, is not one of these mistakes
            below = result.get(key, value) if isinstance(result, Mapping) else getattr(result, key)
            yield from _mixed(value, below, (*place, key))
    elif isinstance(raw, list | tuple):
        for index, value in enumerate(raw):
            yield from _mixed(value, result[index], (*place, index))
    elif isinstance(raw, bool) != isinstance(result, bool) or (isinstance(result, float) and not math.isfinite(result)):
        yield place, raw
