"""Times of writing, as people's files state them."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
_DIGITS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
_YEARS = range(1900, 2100)
_UTC = re.compile(r"\s*\b(?:UTC|GMT|Z)$|(?<=\d)Z$", re.IGNORECASE)
_OFFSET = re.compile(r"\s+(?=[+-]\d\d:?\d\d$)")
_RFC_2822 = re.compile(
    r"(?:[a-z]{3},\s*)?\d{1,2}\s+[a-z]{3}\s+\d{4}\s+\d\d:\d\d(?::\d\d)?\s+(?:[+-]\d{4}|UTC?|GMT|Z)(?:\s*\([^()]*\))?",
    re.IGNORECASE,
)
_ZONE_NAME = re.compile(r"(?<!%)((?:%%)*)%Z")


def utc(value: Any, time_format: str | Sequence[str] | None = None, unit: str = "s") -> datetime:
    """Convert a datetime, a date, a Unix time or a text to a time in UTC; a value without a time zone counts as UTC.

    Without a format, a text is ISO 8601, a date as in an e-mail (RFC 2822) or a number. A number of 8, 12 or 14 digits
    that is a date, such as 20200131, is that date; any other is a Unix time.

    Raises ValueError, TypeError or OverflowError, whose messages may quote the value.

    >>> utc("2018-04-10T20:02:17+02:00").isoformat()
    '2018-04-10T18:02:17+00:00'
    >>> utc("1523383337000", unit="ms").isoformat()
    '2018-04-10T18:02:17+00:00'
    >>> utc("Tue, 10 Apr 2018 20:02:17 +0200") == utc("2018-04-10 18:02:17 UTC") == utc("20180410180217")
    True
    """
    if isinstance(value, str) and time_format:
        value = _formatted(value.strip(), [time_format] if isinstance(time_format, str) else time_format)
    elif isinstance(value, str):
        value = _read(value.strip())
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = _date_of_digits(value, unit) or _unix(value, unit)
    if not isinstance(value, datetime):
        raise TypeError("expected a time, a number or a text")
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _formatted(text: str, formats: Sequence[str]) -> datetime:
    """The time by the first format that fits.

    `%Z` fits the names of UTC alone: with other names, strptime would know those of this machine's own zone, and take
    no notice of what they mean.
    """
    for stated in formats:
        names = ("UTC", "GMT", "Z") if _ZONE_NAME.search(stated) else ("",)
        for name in names:
            try:
                return datetime.strptime(text, _ZONE_NAME.sub(rf"\g<1>{name}", stated.strip()))
            except ValueError:
                continue
    raise ValueError("no format fits")


def _read(text: str) -> datetime | int | float:
    if number := re.fullmatch(r"-?\d+(\.\d*)?", text):
        return float(text) if number.group(1) else int(text)
    if _RFC_2822.fullmatch(text):
        return parsedate_to_datetime(text)
    return datetime.fromisoformat(_OFFSET.sub("", _UTC.sub("+00:00", text)))


def _date_of_digits(value: int | float, unit: str) -> datetime | None:
    if value != value or value in (float("inf"), float("-inf")) or value != int(value):
        return None
    digits = str(int(value))
    form = _DIGITS.get(len(digits))
    if form is None or int(digits[:4]) not in _YEARS or (len(digits) == 12 and unit == "ms"):  # ms of 1973 to 2001
        return None
    try:
        return datetime.strptime(digits, form)
    except ValueError:
        return None


def _unix(value: int | float, unit: str) -> datetime:
    whole, rest = divmod(value, _SECOND[unit])
    return _EPOCH + timedelta(seconds=whole, microseconds=round(rest * 10**6 / _SECOND[unit]))
