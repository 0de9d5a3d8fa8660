"""Which files the user's paths and patterns mean."""

import glob
import re
from collections.abc import Iterable
from pathlib import Path

from privatune.core.errors import PrivatuneError


def files_of(paths: Iterable[str]) -> list[str]:
    """The files that `paths` name, in this order and each once; raises PrivatuneError if a path names none."""
    for path in paths:
        named = matches(path)
        files = [name for name in named if not Path(name).is_dir()]
        if named and not files:
            raise PrivatuneError(f"{named[0]}: a folder; name its files in `paths`, such as {named[0]}/*.jsonl")
        if not named:
            raise PrivatuneError(f"{path}: no file matches this pattern; correct `paths`")
        for name in files:
            if not Path(name).is_file():
                raise PrivatuneError(f"{name}: no such file; correct `paths`")
    return existing(paths)


def existing(paths: Iterable[str]) -> list[str]:
    """The files that `paths` name and that exist, in this order and each once, whatever names and links lead to it."""
    found: dict[Path, str] = {}
    for path in paths:
        for name in matches(path):
            if Path(name).is_file():
                found.setdefault(Path(name).resolve(), name)
    return list(found.values())


def matches(path: str) -> list[str]:
    """What a path means: itself if it exists or is no pattern, and what a pattern matches, in natural order.

    `~` is the home folder. The folders at the start of a pattern that exist are those folders, whatever is in their
    names, as in `chats [2020]/*.csv`.
    """
    path = str(Path(path).expanduser()) if path.startswith("~") else path
    if Path(path).exists() or not glob.has_magic(path):
        return [path]
    exists = next((str(folder) for folder in Path(path).parents if folder.exists()), "")
    if path.startswith(exists) and exists != ".":
        path = glob.escape(exists) + path[len(exists) :]
    return sorted(glob.glob(path, recursive=True), key=natural)  # noqa: PTH207, because Path.glob takes no absolute one


def natural(name: str) -> tuple[list[str | int], str]:
    """A key that sorts numbers in names by their value.

    >>> sorted(["part-10", "part-9", "part-a"], key=natural)
    ['part-9', 'part-10', 'part-a']
    """
    return [int(part) if i % 2 else part for i, part in enumerate(re.split(r"(\d+)", name))], name
