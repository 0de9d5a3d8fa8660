"""What a settings model accepts: as a JSON schema, in words, and for one key inside it."""

import re
from functools import cache
from typing import Any

from pydantic import BaseModel

Schema = dict[str, Any]
_NAMES = {"boolean": "true or false", "integer": "a whole number", "number": "a number", "string": "text"}
_NAMES |= {"array": "a list", "object": "a mapping", "null": "null"}


@cache  # every problem of a configuration asks for it again
def schema(model: type[BaseModel]) -> Schema:
    """JSON schema of `model` with every reference written out in place, to be read only; no model may contain itself.

    >>> from pydantic import Field
    >>> class Example(BaseModel):
    ...     share: float = Field(0.5, ge=0, le=1, description="Share of private text.")
    >>> schema(Example)["properties"]["share"]
    {'default': 0.5, 'description': 'Share of private text.', 'maximum': 1, 'minimum': 0, 'type': 'number'}
    """
    whole = model.model_json_schema()
    definitions = whole.pop("$defs", {})
    return _written_out(whole, definitions)


def _written_out(node: Schema, definitions: dict[str, Schema]) -> Schema:
    if "$ref" in node:
        node = definitions[node["$ref"].removeprefix("#/$defs/")] | {k: v for k, v in node.items() if k != "$ref"}
    out = {key: value for key, value in node.items() if key != "title"}
    if "properties" in node:
        out["properties"] = {name: _written_out(child, definitions) for name, child in node["properties"].items()}
        out.pop("default", None)  # each property states its own default
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            out[key] = _written_out(node[key], definitions)
    for key in ("anyOf", "oneOf", "prefixItems"):
        if key in node:
            out[key] = [_written_out(child, definitions) for child in node[key]]
    if "patternProperties" in node:
        out["patternProperties"] = {
            key: _written_out(child, definitions) for key, child in node["patternProperties"].items()
        }
    if "discriminator" in node:
        out["discriminator"] = {"propertyName": node["discriminator"]["propertyName"]}
    return out


def members(node: Schema) -> list[Schema]:
    """The alternatives of a union, without null; for any other node, a list of the node itself."""
    return [child for child in node.get("anyOf") or node.get("oneOf") or [node] if child.get("type") != "null"]


def named(node: Schema) -> Schema:
    """Schema of the values of a mapping whose names the user chooses; empty for any other node."""
    children = [*node.get("patternProperties", {}).values(), node.get("additionalProperties")]
    return next((child for child in children if isinstance(child, dict)), {})


def with_defaults(node: Schema, values: Any) -> Schema:
    """Return `node` with the values that a configuration file states as the defaults of its keys.

    Of several kinds, the one that the file names gets them, or the first if it names none. Entries whose names the user
    chooses get the values of an entry named NAME, if there is one.

    >>> node = {"properties": {"rounds": {"default": 10, "type": "integer"}, "size": {"default": 5}}}
    >>> with_defaults(node, {"rounds": 17})
    {'properties': {'rounds': {'default': 17, 'type': 'integer'}, 'size': {'default': 5}}}
    """
    if "discriminator" in node:
        tag = values.get(node["discriminator"]["propertyName"], choices(node)[0])
        return node | {"oneOf": [with_defaults(c, values) if tag in _tags(c, node) else c for c in node["oneOf"]]}
    if "properties" in node:
        below = {k: with_defaults(v, values[k]) if k in values else v for k, v in node["properties"].items()}
        return node | {"properties": below}
    if any("properties" in child for child in members(named(node))):
        return _with_entry(node, with_defaults(named(node), values["NAME"])) if "NAME" in values else node
    return node | {"default": values}


def _with_entry(node: Schema, entry: Schema) -> Schema:
    if "patternProperties" in node:
        return node | {"patternProperties": dict.fromkeys(node["patternProperties"], entry)}
    return node | {"additionalProperties": entry}


def find(node: Schema, place: tuple[int | str, ...]) -> tuple[str, Schema]:
    """Dotted path and schema of a pydantic error's `loc`; the schema is empty if the model has no such key.

    >>> find({"properties": {"run": {"type": "array", "items": {"type": "string"}}}}, ("run", 2))
    ('run[2]', {'type': 'string'})
    """
    path = ""
    for step in place:
        if len(members(node)) > 1:  # pydantic names the alternative it tried, which is not part of the user's path
            node = next((child for child in members(node) if step in _tags(child, node)), node)
            continue
        (node,) = members(node)
        if isinstance(step, int) and node.get("type") == "array":
            path, node = f"{path}[{step}]", node.get("items", {})
        elif step != "[key]":
            path = f"{path}.{step}".removeprefix(".")
            node = node.get("properties", {}).get(step, named(node))
    return path, node


def _tags(child: Schema, union: Schema) -> list[Any]:
    tag = child.get("properties", {}).get(union.get("discriminator", {}).get("propertyName"), {})
    return [tag["const"]] if "const" in tag else tag.get("enum", [])


def choices(node: Schema) -> list[str]:
    """Names that are allowed at `node`, or as the value of its discriminating key."""
    names: list[Any] = []
    for child in members(node):
        names += _tags(child, node) if "properties" in child else child.get("enum", [child.get("const")])
    return [name for name in names if isinstance(name, str)]


def accepts(node: Schema) -> str:
    """The values that `node` accepts, in words.

    >>> accepts({"type": "integer", "minimum": 1, "maximum": 8})
    'a whole number from 1 to 8'
    >>> accepts({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]})
    'a number above 0, or null'
    """
    alternatives = node.get("anyOf") or node.get("oneOf")
    if alternatives:
        return ", or ".join(dict.fromkeys(accepts(child) for child in alternatives))
    if "const" in node:
        return str(node["const"]).lower() if isinstance(node["const"], bool) else str(node["const"])
    if "enum" in node:
        return "one of " + ", ".join(str(name) for name in node["enum"])
    words = _NAMES.get(node.get("type", ""), "a value")
    if node.get("items"):
        words += f" (each {accepts(node['items'])})"
    if named(node):
        words += f" (each value {accepts(named(node))})"
    return " ".join(part for part in (words, _range(node), _shape(node)) if part)


def _range(node: Schema) -> str:
    low, high = node.get("minimum"), node.get("maximum")
    if low is not None and high is not None:
        return f"from {low} to {high}"
    bounds = [("minimum", "of at least"), ("exclusiveMinimum", "above"), ("maximum", "of at most")]
    bounds += [("exclusiveMaximum", "below"), ("multipleOf", "a multiple of")]
    return " and ".join(f"{words} {node[key]}" for key, words in bounds if key in node)


def _shape(node: Schema) -> str:
    bounds = [("minItems", "of at least {} items"), ("maxItems", "of at most {} items")]
    bounds += [("minLength", "of at least {} characters"), ("maxLength", "of at most {} characters")]
    bounds += [("minProperties", "of at least {} keys"), ("pattern", "that matches {}")]
    text = " and ".join(words.format(node[key]) for key, words in bounds if key in node)
    return re.sub(r"\b1 (item|character|key)s", r"1 \1", text)
