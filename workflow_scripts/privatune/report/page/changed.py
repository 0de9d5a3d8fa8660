"""What the page says of the configuration: which keys differ from the default, and settings in a few words."""

import json
from collections.abc import Collection, Mapping
from typing import Any


def changed(default: Mapping[str, Any], config: Mapping[str, Any], keys: Collection[str]) -> dict[str, str]:
    """Return the values that differ from the default, as JSON, by their dotted keys.

    Args:
        default, config: configurations as YAML gives them.
        keys: keys of the first level; others are left out.

    >>> before = {"seed": 0, "text": {"lowercase": True}}
    >>> changed(before, {"seed": 1, "text": {"lowercase": False, "vocabulary": 9}}, ["text"])
    {'text.lowercase': 'false', 'text.vocabulary': '9'}
    """
    found: dict[str, str] = {}
    for key, value in config.items():
        if key not in keys or (key in default and default[key] == value):
            continue
        before = default.get(key)
        if isinstance(value, Mapping) and isinstance(before, Mapping):
            found |= {f"{key}.{below}": text for below, text in changed(before, value, value).items()}
        else:
            found[str(key)] = json.dumps(value, ensure_ascii=False, default=str)
    return found


def listed(settings: Any) -> str:
    """Return settings in a few words.

    >>> listed([0, 1]), listed({"layers": 2, "tied": True}), listed("bfloat16")
    ('0, 1', 'layers 2, tied yes', 'bfloat16')
    """
    if hasattr(settings, "model_dump"):
        settings = settings.model_dump(mode="json")
    if isinstance(settings, Mapping):
        return ", ".join(f"{key} {listed(value)}" for key, value in settings.items())
    if isinstance(settings, list | tuple):
        return ", ".join(map(listed, settings))
    return {True: "yes", False: "no"}[settings] if isinstance(settings, bool) else str(settings)
