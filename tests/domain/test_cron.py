from __future__ import annotations

import datetime as dt
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from dataops_lab.domain.cron import fires_after, normalize_cron
from dataops_lab.errors import InvalidSchedule

UTC = dt.UTC


def fires(expression, zone, after, count):
    """Return the local times with their offsets."""
    start = dt.datetime.fromisoformat(after).replace(tzinfo=ZoneInfo(zone))
    found = islice(fires_after(normalize_cron(expression), ZoneInfo(zone), start.astimezone(UTC)), count)
    return [at.astimezone(ZoneInfo(zone)).strftime("%m-%d %H:%M%z") for at in found]


FORWARD = [
    ("Europe/Paris", "2026-03-28T12:00", "30 2 * * *", ["03-29 03:00+0200", "03-30 02:30+0200"]),
    ("America/New_York", "2026-03-07T12:00", "30 2 * * *", ["03-08 03:00-0400", "03-09 02:30-0400"]),
    ("Australia/Lord_Howe", "2026-10-03T12:00", "15 2 * * *", ["10-04 02:30+1100", "10-05 02:15+1100"]),
    ("Europe/Paris", "2026-03-29T00:30", "0 * * * *", ["03-29 01:00+0100", "03-29 03:00+0200", "03-29 04:00+0200"]),
    ("America/New_York", "2026-03-08T01:10", "*/30 * * * *", ["03-08 01:30-0500", "03-08 03:00-0400"]),
]
BACK = [
    ("Europe/Paris", "2026-10-24T12:00", "30 2 * * *", ["10-25 02:30+0200", "10-26 02:30+0100"]),
    ("America/New_York", "2026-10-31T12:00", "30 1 * * *", ["11-01 01:30-0400", "11-02 01:30-0500"]),
    ("Australia/Lord_Howe", "2026-04-04T12:00", "45 1 * * *", ["04-05 01:45+1100", "04-06 01:45+1030"]),
    ("Europe/Paris", "2026-10-25T01:30", "0 * * * *", ["10-25 02:00+0200", "10-25 02:00+0100", "10-25 03:00+0100"]),
    ("America/New_York", "2026-11-01T00:40", "*/30 * * * *",
     ["11-01 01:00-0400", "11-01 01:30-0400", "11-01 01:00-0500", "11-01 01:30-0500", "11-01 02:00-0500"]),
]  # fmt: skip


@pytest.mark.parametrize(("zone", "after", "expression", "expected"), FORWARD)
def test_a_fixed_time_in_the_gap_fires_once_and_the_hours_follow_real_time(zone, after, expression, expected):
    assert fires(expression, zone, after, len(expected)) == expected


@pytest.mark.parametrize(("zone", "after", "expression", "expected"), BACK)
def test_a_fixed_time_that_comes_twice_fires_once_and_the_hours_follow_real_time(zone, after, expression, expected):
    assert fires(expression, zone, after, len(expected)) == expected


def test_between_both_passes_of_an_hour_a_fixed_time_is_not_fired_again():
    second_pass = dt.datetime(2026, 10, 25, 1, 10, tzinfo=UTC)
    (following,) = islice(fires_after("30 2 * * *", ZoneInfo("Europe/Paris"), second_pass), 1)
    assert following == dt.datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("0 8 L * *", ["01-31 08:00", "02-28 08:00", "03-31 08:00"]),
        ("0 8 * * 1#1", ["01-05 08:00", "02-02 08:00"]),
        ("0 8 * * 5L", ["01-30 08:00", "02-27 08:00"]),
        ("0 8 * * 0", ["01-04 08:00", "01-11 08:00"]),
        ("0 8 * * 7", ["01-04 08:00", "01-11 08:00"]),
        ("0 8 13 * 5", ["01-02 08:00", "01-09 08:00", "01-13 08:00", "01-16 08:00"]),
        ("0 8 * * mon-fri", ["01-01 08:00", "01-02 08:00", "01-05 08:00"]),
        ("@monthly", ["02-01 00:00", "03-01 00:00"]),
        ("0 8 LW * *", ["01-30 08:00", "02-27 08:00"]),
    ],
)
def test_leap_days_last_days_and_nth_weekdays(expression, expected):
    found = fires(expression, "UTC", "2026-01-01T00:00", len(expected))
    assert [each[:11] for each in found] == expected


def test_leap_days_come_in_leap_years_alone():
    found = islice(fires_after("0 8 29 2 *", ZoneInfo("UTC"), dt.datetime(2096, 1, 1, tzinfo=UTC)), 2)
    assert [at.year for at in found] == [2096, 2104]


@pytest.mark.parametrize(
    ("expression", "says", "detail"),
    [
        ("61 8 * * *", "`61` at character 1 .* minute", {"field": "minute", "column": 1}),
        ("0 8 * * 8", "`8` at character 9 .* day of week", {"field": "day-of-week", "column": 9}),
        ("0 8 1W * *", "business days", {"field": "day-of-month", "column": 5}),
        ("0 8 * *", "has 4 fields", {}),
        ("0 0 30 2 *", "never fires", {}),
        ("0 0 31 4,6,9,11 *", "never fires", {}),
        ("@reboot", "not known", {}),
        ("a" * 300, "at most 200", {}),
    ],
)
def test_a_wrong_expression_is_refused_with_its_place(expression, says, detail):
    with pytest.raises(InvalidSchedule, match=says) as refused:
        normalize_cron(expression)
    assert detail.items() <= refused.value.detail.items()


@pytest.mark.parametrize(
    ("other", "suggestion"),
    [
        ("0 0 8 ? * MON", "0 8 * * MON"),
        ("0 0 8 ? * 2", "0 8 * * MON"),
        ("0 0 8 ? * 2-6", "0 8 * * MON-FRI"),
        ("0 15 10 ? * 6L", "15 10 * * 5L"),
        ("0 15 10 ? * 6#3", "15 10 * * FRI#3"),
        ("0 0 8 * * 1", "0 8 * * 1"),
        ("0 0 8 ? * MON *", "0 8 * * MON"),
        ("cron(0 8 ? * MON *)", "0 8 * * MON"),
        ("0 8 ? * MON", "0 8 * * MON"),
        ("30 0 8 * * 1", None),
        ("0 0 8 ? * MON 2027", None),
        ("0 0 8 15W * ?", None),
    ],
)
def test_other_dialects_are_recognised_and_translated_where_that_is_possible(other, suggestion):
    with pytest.raises(InvalidSchedule, match="dialect of cron") as refused:
        normalize_cron(other)
    assert refused.value.detail.get("suggestion") == suggestion
