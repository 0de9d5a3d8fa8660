"""Names of persons, documents, parts and labels: cleaned in one way, before anything compares them."""

import re
import unicodedata
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

_HIDDEN = ("Cc", "Cf", "Cs")  # categories of Unicode: control and format characters, and halves of characters
_WHOLE = re.compile(r"([+-]?\d+)\.0+")
_ROUNDED = re.compile(r"[+-]?\d(\.\d+)?[eE]\+\d\d+")  # as programs write long numbers: 1.23457E+18
_EXACT = 2**53  # from here on, one float stands for several whole numbers
_MISSING = {"\\N", "NULL", "None", "null", "NaN", "nan", "<NA>"}  # as databases and programs write what is missing


@lru_cache(maxsize=2**16)
def clean_name(name: str) -> str:
    r"""Return a name in Unicode's composed form, without hidden characters and blanks around it; blanks become one.

    >>> clean_name("Jose\u0301\u200b  Luis ") == "Jos\u00e9 Luis"
    True
    """
    name = "".join(c for c in " ".join(name.split()) if unicodedata.category(c) not in _HIDDEN)
    return " ".join(unicodedata.normalize("NFC", name).split())


def person_or_document(value: Any) -> str | None:
    r"""Return the clean name that a value is; a whole number is its digits. None: the value is no name.

    >>> [person_or_document(value) for value in (7, 7.0, "7.0", " ann", "007")]
    ['7', '7', '7', 'ann', '007']
    >>> [person_or_document(value) for value in (None, float("nan"), 7.5, 2.0**53, True, " ", "\\N", "1.2E+18")]
    [None, None, None, None, None, None, None, None]
    """
    if isinstance(value, Decimal) and value.is_finite() and value == int(value):
        value = int(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else None
    if value is None or isinstance(value, bool | datetime | bytes | list | dict | Decimal):
        return None
    name = clean_name(str(value))
    if whole := _WHOLE.fullmatch(name):
        name = whole[1]
        return name if abs(int(name)) < _EXACT else None
    return None if not name or name in _MISSING or _ROUNDED.fullmatch(name) else name


def differing_in_case(names: Iterable[str]) -> list[list[str]]:
    """Return the sorted groups of different names that are equal when case is ignored.

    >>> differing_in_case(["ann", "Bob", "Ann", "bob"])
    [['Ann', 'ann'], ['Bob', 'bob']]
    """
    first: dict[str, str] = {}
    groups: dict[str, set[str]] = {}
    for name in names:
        folded = name.casefold()
        if first.setdefault(folded, name) != name:
            groups.setdefault(folded, {first[folded]}).add(name)
    return sorted(sorted(group) for group in groups.values())
