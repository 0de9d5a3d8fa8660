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
