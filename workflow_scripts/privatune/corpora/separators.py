"""Separators and quotes of CSV and TSV files."""

import csv
import re
from collections.abc import Collection, Iterator
from itertools import chain

from privatune.core.errors import PrivatuneError

_KNOWN = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a vertical bar"}


def stated_separator(
    path: str, lines: Iterator[str], separator: str, chosen: str | None
) -> tuple[str, Iterator[str], int]:
    """The separator, the lines of the table, and the number of lines before it.

    A line such as `sep=;`, which spreadsheets write, is before the table.

    Args:
        path: The file, for messages.
        lines: All lines of the file.
        separator: What separates fields if the file does not say so.
        chosen: The separator of the configuration, if it names one; the file must not name another one.
    """
    first = next(lines, "")
    if stated := re.fullmatch(r'"?sep=([^"\r\n])"?[\r\n]*', first, re.IGNORECASE):
        if chosen and stated[1] != chosen:
            raise PrivatuneError(f"{path}: its first line names another separator than `separator`; remove one of them")
        return stated[1], lines, 1
    return separator, chain([first] if first else [], lines), 0


def refuse_other_separator(
    path: str, header: list[str], fields: Collection[str], separator: str, used: list[str]
) -> None:
    """Raise PrivatuneError if the lines of the header have the columns that are used only with another separator."""
    if set(used) <= set(fields):
        return
    for other, name in _KNOWN.items():
        seen = next(csv.reader(header, delimiter=other), [])
        if other != separator and (set(used) <= set(seen) or (len(fields) < 2 <= len(seen))):
            shown = "\\t" if other == "\t" else other
            raise PrivatuneError(
                f'{path} line 1: its fields seem to be separated by {name}; set `separator: "{shown}"`, or correct the'
                " columns"
            )


def without_backslashes(lines: Iterator[str], separator: str) -> Iterator[str]:
    r"""Lines for a reader whose escape is a backslash, such that it is one before a quote, a separator or itself alone.

    >>> list(without_backslashes(iter([r'a \"b\" C:\new \\']), ","))
    ['a \\"b\\" C:\\\\new \\\\']
    """
    pair = re.compile(rf'\\(["\\{re.escape(separator)}]?)')
    for line in lines:
        yield pair.sub(lambda found: found[0] if found[1] else r"\\", line)


def kept_in(lines: Iterator[str], seen: list[str]) -> Iterator[str]:
    """The same lines, each of which is also added to `seen`."""
    for line in lines:
        seen.append(line)
        yield line


def quotes_remedy(record: list[str], backslashes: bool) -> str:
    """What to set when the quotes of a record, of which these are the lines, are not as expected."""
    if not backslashes and any(r"\"" in line for line in record):
        return "set `backslashes: true`, since it has quotes after backslashes"
    return "set `quotes: false`"
