"""Sweeps: a list in place of a value in a scenario makes one variant of the scenario for each element."""

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any, NamedTuple

from privatune.core.errors import PrivatuneError

SCALARS = (bool, int, float, str)
_DECIMAL = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)([eE][-+]?\d+)?")
_EXPONENT = re.compile(r"[-+]?(\d+(\.\d*)?|\.\d+)[eE][-+]?\d+")  # YAML reads 1e-3 as text


class Swept(NamedTuple):
    """A configuration without sweeps.

    Attributes:
        config: The configuration with every sweep replaced by its variants, where it is defined and where it is named.
        values: The swept values of each variant, by dotted key.
        variants: The names of each sweep's variants, in the order of its lists.
    """

    config: dict[str, Any]
    values: dict[str, dict[str, Any]]
    variants: dict[str, list[str]]


def swept(config: Mapping[str, Any]) -> Swept:
    """Replace the sweeps of a configuration by their variants.

    Lists under several keys of a scenario make every combination of their values. A variant's name consists of the
    sweep's name and each key with its value. `tail` and each exported model, which are about one scenario, use the
    first variant. A paper's rows for a sweep are left out, because they do not belong to one variant more than to
    another.

    Raises:
        PrivatuneError: an element is not a plain value, a list is empty, or a variant's name is taken.

    >>> made = swept({"run": ["a"], "scenarios": {"a": {"client": {"user_share": [0, 0.5]}}}})
    >>> made.config["run"], made.values["a-user_share-0.5"]
    (['a-user_share-0', 'a-user_share-0.5'], {'client.user_share': 0.5})
    """
    whole = dict(config)
    scenarios: dict[str, Any] = {}
    values: dict[str, dict[str, Any]] = {}
    variants: dict[str, list[str]] = {}
    for name, overrides in whole["scenarios"].items():
        lists = dict(_lists(overrides, f"scenarios.{name}"))
        if not lists:
            scenarios[name] = overrides
            continue
        variants[name] = []
        for chosen in product(*lists.values()):
            assigned = dict(zip(lists, chosen, strict=True))
            variant = _name(name, assigned)
            if variant in scenarios or variant in whole["scenarios"]:
                raise PrivatuneError(
                    f"config: `scenarios.{name}`: its variant {variant} has the name of another one; rename one"
                )
            variants[name].append(variant)
            values[variant] = {".".join(path): value for path, value in assigned.items()}
            scenarios[variant] = _replaced(overrides, assigned)
    whole["scenarios"] = scenarios
    if "run" in whole:
        whole["run"] = _named(whole["run"], variants)
    for part, key in (("popov", "scenarios"), ("report", "cost_scenarios")):
        if key in (whole.get(part) or {}):
            whole[part] = {**whole[part], key: _named(whole[part][key], variants)}
    if whole.get("tail"):
        whole["tail"] = _first(whole["tail"], variants)
    if isinstance(models := (whole.get("export") or {}).get("models"), Mapping):
        alone = {name: _first(model, variants) for name, model in models.items()}
        whole["export"] = {**whole["export"], "models": alone}
    if (whole.get("report") or {}).get("paper"):
        paper = {name: rows for name, rows in whole["report"]["paper"].items() if name not in variants}
        whole["report"] = {**whole["report"], "paper": paper}
    return Swept(whole, values, variants)


def _lists(node: Any, place: str, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Yield every list in a scenario, with the keys that lead to it."""
    if isinstance(node, list):
        if not node or not all(isinstance(value, SCALARS) for value in node):
            raise PrivatuneError(
                f"config: `{'.'.join((place, *path))}` is {node!r}; a sweep is a list of numbers, words, true or false"
            )
        values: dict[Any, Any] = {}
        for value in map(_number, node):  # true is not 1, but "0.5" is 0.5
            values.setdefault((isinstance(value, bool), _number(value, _DECIMAL)), value)
        yield path, list(values.values())
    elif isinstance(node, Mapping):
        for key, below in node.items():
            yield from _lists(below, place, (*path, str(key)))


def _number(value: Any, pattern: re.Pattern[str] = _EXPONENT) -> Any:
    """Return the number that a text of this pattern is; other values stay.

    >>> [_number(value) for value in ("1e-3", "1e3", "adam", 0.5)]
    [0.001, 1000, 'adam', 0.5]
    """
    if not isinstance(value, str) or not pattern.fullmatch(value):
        return value
    number = float(value)
    if math.isinf(number):  # the validation that follows says that it is too large
        return value
    return int(number) if number.is_integer() else number


def _name(sweep: str, assigned: Mapping[tuple[str, ...], Any]) -> str:
    """A variant's name: each key is shortened to its last part, unless two keys end alike."""
    ends = [path[-1] for path in assigned]
    keys = [path[-1] if ends.count(path[-1]) == 1 else ".".join(path) for path in assigned]
    said = [str(value).lower() if isinstance(value, bool) else str(value) for value in assigned.values()]
    return "-".join([sweep, *(f"{key}-{value}" for key, value in zip(keys, said, strict=True))])


def _replaced(node: Any, assigned: Mapping[tuple[str, ...], Any], path: tuple[str, ...] = ()) -> Any:
    if path in assigned:
        return assigned[path]
    if isinstance(node, Mapping):
        return {key: _replaced(below, assigned, (*path, str(key))) for key, below in node.items()}
    return node


def _first(section: Any, variants: Mapping[str, list[str]]) -> Any:
    """Return a section whose `scenario` is the first variant in place of a sweep."""
    if not isinstance(section, Mapping) or section.get("scenario") not in variants:
        return section  # the validation that follows reports what is wrong
    return {**section, "scenario": variants[section["scenario"]][0]}


def _named(names: Any, variants: Mapping[str, list[str]]) -> Any:
    if not isinstance(names, Iterable) or isinstance(names, str):
        return names  # the validation that follows reports what is wrong
    return [one for name in names for one in variants.get(name, [name])]
