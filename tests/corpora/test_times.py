import time
from datetime import UTC, date, datetime

import pytest

from privatune.corpora.times import utc

NOON = datetime(2018, 7, 10, 12, 0, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2018-07-10T12:00:05", "2018-07-10T12:00:05Z", "2018-07-10 12:00:05z", "2018-07-10 12:00:05 UTC",
        "2018-07-10 12:00:05.000 UTC", "2018-07-10 12:00:05 gmt", "2018-07-10 12:00:05 Z", "2018-07-10 14:00:05 +0200",
        "2018-07-10T14:00:05+02:00", "Tue, 10 Jul 2018 14:00:05 +0200", "10 Jul 2018 12:00:05 GMT",
        "Tue, 10 Jul 2018 12:00:05 UT", "Tue, 10 Jul 2018 07:00:05 -0500 (CDT)", "20180710120005", 20180710120005,
        "1531224005", "1531224005.0", 1531224005, 1531224005.0,
    ],
)  # fmt: skip
def test_one_time_in_many_forms(text):
    assert utc(text) == NOON


@pytest.mark.parametrize("value", ["20200131", 20200131, 20200131.0, "20200131.0", date(2020, 1, 31), "2020-01-31"])
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_digits_that_are_a_date_are_that_date(value, unit):
    assert utc(value, unit=unit) == datetime(2020, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "unit", "year"),
    [("20201331", "s", 1970), ("99999999", "s", 1973), ("202001311200", "s", 2020), ("202001311200", "ms", 1976)],
)
def test_other_digits_are_unix_times(number, unit, year):
    assert utc(number, unit=unit).year == year


@pytest.mark.parametrize(
    "text",
    [
        "2018-07-10 12:00:05 CEST", "2018-07-10 12:00:05 EST", "Tue, 10 Jul 2018 12:00:05 EST", "yesterday",
        "Tue, 10 Jul 2018 12:00:05 CEST", "Tue, 10 Jul 2018 12:00:05", "2018-07-10T12:00:05+02:00 UTC", "nan", "",
    ],
)  # fmt: skip
def test_what_is_no_time_in_a_known_zone_is_refused(text):
    with pytest.raises(ValueError, match="isoformat"):
        utc(text)


def test_the_first_format_that_fits():
    formats = ("%d.%m.%Y %H:%M:%S", "%Y/%m/%d %H:%M:%S")
    assert utc("10.07.2018 12:00:05", formats) == utc(" 2018/07/10 12:00:05", formats) == NOON
    assert utc("10.07.2018 12:00:05", formats[0]) == NOON
    with pytest.raises(ValueError, match="no format fits"):
        utc("07-10-2018 12:00:05", formats)


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
def test_a_zone_name_never_means_the_zone_of_this_machine(monkeypatch, zone):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        stated = "%Y-%m-%d %H:%M:%S %Z"
        assert utc("2018-07-10 12:00:05 UTC", stated) == utc("2018-07-10 12:00:05 gmt", stated) == NOON
        assert utc("100 % 2018-07-10 12:00:05", "100 %% %Y-%m-%d %H:%M:%S") == NOON
        for name in ("CET", "CEST", "EST", "EDT"):
            with pytest.raises(ValueError, match="no format fits"):
                utc(f"2018-07-10 12:00:05 {name}", stated)
        assert utc("2018-07-10T12:00:05") == NOON
    finally:
        monkeypatch.undo()
        time.tzset()
