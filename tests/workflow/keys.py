"""Every key of the configuration, found in its schema: where it stands and which other values it may have."""

import copy
import functools
import json
from dataclasses import dataclass

from privatune.core.errors import PrivatuneError
from privatune.core.schema import members, named, schema
from privatune.experiment import Experiment, experiment

SCHEMA = schema(Experiment)
NAME = "NAME"  # in place of a name that the user chooses
PASSED_ON = {"federation"}  # each scenario starts from these, and its jobs see them there


@dataclass(frozen=True)
class Key:
    """A key without keys of its own; `kinds` are the alternatives that have it, a place and a tag or None each."""

    place: tuple
    node: dict
    kinds: tuple

    def __str__(self):
        return ".".join(self.place) + self.alternatives

    @property
    def alternatives(self):
        """The alternatives in words, as ` (scenarios.NAME.codec: topk)`."""
        return "".join(f" ({'.'.join(at)}: {tag or 'given'})" for at, tag in self.kinds)


def keys(node=SCHEMA, place=(), kinds=()):
    """Every key below `node` that may have more than one value; of what is passed on elsewhere, plain keys alone."""
    plain = False
    for child in members(node):
        chosen = "properties" in child and (tag_of(node, child) or len(node.get("anyOf", [])) > len(members(node)))
        within = (*kinds, (place, tag_of(node, child))) if chosen else kinds
        for name, below in child.get("properties", {}).items():
            if "const" not in below:
                yield from keys(below, (*place, name), within)
        if "properties" in members(named(child))[0]:
            yield from keys(named(child), (*place, NAME), kinds)
        else:
            plain |= "properties" not in child
    if plain:
        yield Key(place, node, kinds)


def tag_of(node, child):
    """The tag that tells an alternative of `node` from the others; None where nothing does."""
    return child.get("properties", {}).get(node.get("discriminator", {}).get("propertyName"), {}).get("const")


def below(node, step, value=None):
    """What stands under a name or key of `node`, whose present value tells alternatives apart."""
    found = []
    for child in members(node):
        known = child.get("properties", {})
        if step in known or named(child):
            fits = isinstance(value, dict) and tag_of(node, child) in value.values()
            found.append((fits, known.get(step) or named(child)))
    return max(found, key=lambda pair: pair[0], default=(False, {}))[1]


def at(values, place):
    """What stands at a place; None where nothing does."""
    for step in place:
        values = values.get(step) if isinstance(values, dict) else None
    return values


def replaced(config, place, value):
    """A configuration with another value at a place."""
    config = copy.deepcopy(config)
    parent = config
    for step in place[:-1]:
        parent[step] = parent.get(step) or {}
        parent = parent[step]
    parent[place[-1]] = value
    return config


def accepted(config):
    """What a configuration amounts to, as plain values that are not to be changed; None where it is refused."""
    return _accepted(json.dumps(config))


@functools.lru_cache(maxsize=16)  # the configuration that many cases start from is among the latest
def _accepted(config):
    try:
        return experiment(json.loads(config)).model_dump()
    except PrivatuneError:
        return None


def names_in(values):
    """Names of all mappings, wherever they stand: some are what a key with a name as its value may name."""
    if isinstance(values, dict):
        for name, value in values.items():
            yield str(name)
            yield from names_in(value)


def places(key, values):
    """Where a key stands, with every name for NAME."""
    found = [()]
    for step in key.place:
        found = [(*place, name) for place in found for name in (at(values, place) or {} if step == NAME else [step])]
    return found


def kinds_fit(key, place, values):
    """Whether the alternatives that have the key are those chosen at its place."""
    chosen = [(tag, at(values, place[: len(above)])) for above, tag in key.kinds]
    return all(value is not None and (tag is None or tag in value.values()) for tag, value in chosen)


def with_kinds(config, key, place):
    """The configuration with those alternatives chosen that have the key."""
    for above, tag in key.kinds:
        where, node = place[: len(above)], SCHEMA
        for depth, step in enumerate(where):
            node = below(node, step, at(config, where[:depth]))
        child = next(child for child in members(node) if tag_of(node, child) == tag)
        config = replaced(config, where, smallest(child))
    return config


def stated(config, key, place, values):
    """The configuration with those alternatives that have the key written out where they were left to a default."""
    for above, _ in key.kinds:
        where = place[: len(above)]
        if not at(config, where):
            config = replaced(config, where, at(values, where))
    return config


def smallest(node):
    """A value that `node` may have, with no more than must be given."""
    child = members(node)[0]
    if "properties" in child:
        tags = [name for name, value in child["properties"].items() if "const" in value]
        return {name: smallest(child["properties"][name]) for name in [*child.get("required", []), *tags]}
    if "const" in child or "default" in child:
        return child.get("const", child.get("default"))
    return next(other_values(child, None, ["some"]))


def other_values(node, value, names):
    """Other values that a key may have, the likeliest to be accepted first; `names`: see `names_in`."""
    for child in members(node):
        if "enum" in child:
            yield from (other for other in child["enum"] if other != value)
        elif child.get("type") == "boolean":
            yield not value
        elif child.get("type") in ("integer", "number"):
            yield from _numbers(child, value)
        elif child.get("type") == "string":
            turned = [value[1:] + value[:1]] if isinstance(value, str) and len(value) > 1 else []
            yield from (other for other in [*turned, "some", *names, ";"] if other != value)
        elif child.get("type") == "array":
            old = list(value or [])
            yield from (old[:place] + old[place + 1 :] for place in reversed(range(len(old))))
            others = [o for o in other_values(child["items"], old[-1] if old else None, names) if o not in old]
            yield from ([*old, other] for other in others)
            yield from ([*old[:-1], other] for other in others)
        elif child.get("type") == "object":
            old = value or {}
            yield from ({**old, name: other} for name in old for other in other_values(named(child), old[name], names))
            yield from ({name: old[name] for name in old if name != dropped} for dropped in old)
            yield from ({**old, name: smallest(named(child))} for name in [*_names(child), *names])
    if len(node.get("anyOf", [])) > len(members(node)) and value is not None:
        yield None


def _names(node):
    return node.get("propertyNames", {}).get("enum", [])


def _numbers(node, value):
    low = node.get("minimum", node.get("exclusiveMinimum", 0))
    start = value if isinstance(value, int | float) else low
    tried = (
        [start + 1, start - 1] if node["type"] == "integer" else [start / 2, start * 1.5, 0.125, 1.0, (start + low) / 2]
    )
    for other in [*tried, start * 2, low + 1, low]:
        above = other >= low and other > node.get("exclusiveMinimum", other - 1)
        if above and other <= node.get("maximum", other) and other < node.get("exclusiveMaximum", other + 1):
            yield other
