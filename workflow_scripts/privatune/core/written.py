"""What a configuration file says before YAML is read: a key that occurs twice, a number that is not what it looks like.

YAML keeps the last of two equal keys, and reads 010 as 8 and 5:00 as 300, without a word.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from privatune.core.errors import PrivatuneError

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's is ten times as fast; PyYAML may lack it
_ODD = re.compile(r"[-+]?0[0-9_]+|[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?")  # base 8 and base 60
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


def check_written(path: str | Path) -> None:
    """Raise PrivatuneError, which names the file, the line and the key, for what YAML would misread.

    A file that is not valid YAML, or missing, is left to its reader.
    """
    try:
        text = Path(path).read_text(encoding="utf-8").replace("\t", " ")  # a tab may stand in JSON, but not in YAML
        whole = yaml.compose(text, Loader=LOADER)
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return
    for line, problem in _problems(whole, "", set()):
        raise PrivatuneError(f"{path} line {line}: {problem}")


def _problems(node: yaml.Node | None, place: str, seen: set[int]) -> Iterator[tuple[int, str]]:
    if node is None or id(node) in seen:  # an alias leads to a node that was seen
        return
    seen.add(id(node))
    line = node.start_mark.line + 1
    if isinstance(node, yaml.ScalarNode) and node.tag in _NUMBERS and _ODD.fullmatch(node.value):
        meant = "a number in base 60" if ":" in node.value else "a number in base 8"
        yield line, f"`{place}`: YAML reads {node.value} as {meant}; write a decimal number, or put text in quotes"
    elif isinstance(node, yaml.SequenceNode):
        for below in node.value:
            yield from _problems(below, place, seen)
    elif isinstance(node, yaml.MappingNode):
        keys: set[str] = set()
        for key, below in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            path = f"{place}.{name}".removeprefix(".")
            if name in keys:
                yield key.start_mark.line + 1, f"`{path}` occurs twice; keep one of them"
            keys.add(name)
            yield from _problems(key, path, seen)
            yield from _problems(below, path, seen)
