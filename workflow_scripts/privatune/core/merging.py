"""Lay one configuration over another."""

from collections.abc import Mapping
from typing import Any

TAGS = ("kind", "name", "method")  # keys that tell which kind of settings a mapping holds


def merged(base: Any, overrides: Any) -> Any:
    """Return `base` with `overrides` laid over it: mappings merge deeply, and everything else is replaced.

    A mapping of another kind is also replaced, because the keys of the old kind do not belong to the new one.

    >>> merged({"a": {"b": 1, "c": 2}}, {"a": {"b": 3}})
    {'a': {'b': 3, 'c': 2}}
    >>> merged({"codec": {"name": "topk", "share": 0.1}}, {"codec": {"name": "dense"}})
    {'codec': {'name': 'dense'}}
    """
    if not (isinstance(base, Mapping) and isinstance(overrides, Mapping)):
        return overrides
    if any(isinstance(base.get(tag), str) and overrides.get(tag, base[tag]) != base[tag] for tag in TAGS):
        return overrides
    return {**base, **{key: merged(base.get(key), value) for key, value in overrides.items()}}


def ordered(values: Any, like: Any) -> Any:
    """Return `values` with the keys of each mapping in the order that `like` has; what it lacks comes last.

    Order matters where entries share work, which is named after the first of them.

    >>> list(ordered({"new": 1, "b": 2, "a": 3}, {"a": 0, "b": 0}))
    ['a', 'b', 'new']
    """
    if not (isinstance(values, Mapping) and isinstance(like, Mapping)):
        return values
    keys = [*(key for key in like if key in values), *(key for key in values if key not in like)]
    return {key: ordered(values[key], like.get(key)) for key in keys}
