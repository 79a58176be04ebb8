from __future__ import annotations

import datetime as dt
from itertools import islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dataops_lab.domain.calendars import WEEKENDS, Calendar
from dataops_lab.domain.timetables import (
    BusinessDay,
    Cron,
    Interval,
    Once,
    OnHoliday,
    Timetable,
    check_rule,
    local_instant,
    why_never,
    zone_of,
)
from dataops_lab.errors import InvalidSchedule

UTC = dt.UTC
FRANCE = Calendar(
    "fr",
    {
        dt.date(2026, 4, 6): "Easter Monday",
        dt.date(2026, 5, 1): "Labour Day",
        dt.date(2026, 5, 8): "Victory Day",
        dt.date(2026, 7, 14): "Bastille Day",
        dt.date(2027, 1, 1): "New Year",
    },
)


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=UTC)


def days(table: Timetable, after: str, count: int) -> list[str]:
    return [f"{each.at:%m-%d %H:%M}" for each in islice(table.after(at(after)), count)]


def test_a_holiday_is_skipped_and_the_skipped_tick_is_told():
    table = Timetable(Cron("0 8 * * 1"), "UTC", FRANCE, OnHoliday.SKIP)
    first, second = islice(table.after(at("2026-04-01T00:00")), 2)
    assert (first.skipped, first.holiday, first.at) == (True, "Easter Monday", at("2026-04-06T08:00"))
    assert (second.skipped, second.at) == (False, at("2026-04-13T08:00"))


@pytest.mark.parametrize(
    ("expression", "on_holiday", "after", "expected"),
    [
        # Easter Monday moves to Tuesday; the first of May, a Friday, to the Monday after it.
        ("0 8 * * 1", OnHoliday.NEXT_BUSINESS_DAY, "2026-04-01T00:00", ["04-07 08:00", "04-13 08:00"]),
        ("0 8 1 * *", OnHoliday.NEXT_BUSINESS_DAY, "2026-04-20T00:00", ["05-04 08:00", "06-01 08:00"]),
        ("0 8 1 * *", OnHoliday.PREVIOUS_BUSINESS_DAY, "2026-04-20T00:00", ["04-30 08:00", "06-01 08:00"]),
        # A day that is moved onto a day that fires anyway is one tick.
        ("0 8 * * *", OnHoliday.NEXT_BUSINESS_DAY, "2026-07-10T00:00",
         ["07-10 08:00", "07-13 08:00", "07-15 08:00", "07-16 08:00"]),
        ("0 8 * * *", OnHoliday.PREVIOUS_BUSINESS_DAY, "2026-07-10T00:00",
         ["07-10 08:00", "07-13 08:00", "07-15 08:00"]),
        # A look in the middle of the days off.
        ("0 8 * * 6", OnHoliday.NEXT_BUSINESS_DAY, "2026-05-09T10:00", ["05-11 08:00", "05-18 08:00"]),
        ("0 8 * * 0", OnHoliday.PREVIOUS_BUSINESS_DAY, "2026-05-08T10:00", ["05-15 08:00"]),
    ],
)  # fmt: skip
def test_a_tick_on_a_day_off_is_moved_to_a_business_day(expression, on_holiday, after, expected):
    assert days(Timetable(Cron(expression), "UTC", FRANCE, on_holiday), after, len(expected)) == expected


@pytest.mark.parametrize(
    ("number", "after", "expected"),
    [
        (1, "2026-04-20T00:00", ["05-04 09:30", "06-01 09:30", "07-01 09:30", "08-03 09:30"]),
        (3, "2026-04-20T00:00", ["05-06 09:30", "06-03 09:30"]),
        (-1, "2026-04-20T00:00", ["04-30 09:30", "05-29 09:30", "06-30 09:30"]),
        (-2, "2026-04-20T00:00", ["04-29 09:30", "05-28 09:30"]),
        (23, "2026-01-01T00:00", ["07-31 09:30"]),
    ],
)
def test_the_nth_and_the_last_business_day_of_the_month(number, after, expected):
    calendar = FRANCE if number != 23 else WEEKENDS
    table = Timetable(BusinessDay(number, dt.time(9, 30)), "UTC", calendar)
    assert days(table, after, len(expected)) == expected


def test_an_interval_is_counted_from_the_epoch_with_its_phase():
    table = Timetable(Interval(3600.0, 900.0), "UTC")
    assert days(table, "2026-04-20T00:15", 2) == ["04-20 01:15", "04-20 02:15"]
    assert days(table, "2026-04-20T00:14", 1) == ["04-20 00:15"]


def test_start_and_end_bound_a_timetable_and_both_count():
    table = Timetable(Cron("0 8 * * *"), "UTC", starts_at=at("2026-04-20T08:00"), ends_at=at("2026-04-21T08:00"))
    assert days(table, "2026-01-01T00:00", 9) == ["04-20 08:00", "04-21 08:00"]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (Timetable(Once(at("2026-01-01T00:00")), "UTC"), "has passed"),
        (Timetable(Cron("0 8 1 * *"), "UTC", ends_at=at("2026-04-20T00:00")), "would fire first, at 2026-05-01"),
        (Timetable(BusinessDay(20, dt.time(8)), "UTC", Calendar("short", {}, weekend=(0, 1, 5, 6))), "No day"),
    ],
)  # fmt: skip
def test_a_timetable_that_never_fires_says_why(table, reason):
    assert reason in (why_never(table, at("2026-04-19T00:00")) or "")


@pytest.mark.parametrize(
    ("name", "near"), [("Europe/Pariss", "Europe/Paris"), ("paris", "Europe/Paris"), ("New York", "America/New_York")]
)
def test_an_unknown_zone_is_refused_and_the_nearest_is_named(name, near):
    with pytest.raises(InvalidSchedule, match=near) as refused:
        zone_of(name)
    assert refused.value.precise_code == "unknown_zone"


@pytest.mark.parametrize("name", ["", "../../etc/passwd", "x" * 500, "Europe", "\0"])
def test_a_zone_that_is_no_name_is_refused(name):
    with pytest.raises(InvalidSchedule):
        zone_of(name)


@pytest.mark.parametrize(
    "rule",
    [Interval(0.5), Interval(float("nan")), Interval(60, 60), Once(dt.datetime(2026, 1, 1)), BusinessDay(0, dt.time())],
)
def test_a_rule_that_makes_no_sense_is_refused(rule):
    with pytest.raises(InvalidSchedule):
        check_rule(rule)


def test_a_local_time_in_the_gap_is_an_hour_later():
    found = local_instant(dt.date(2026, 3, 29), dt.time(2, 30), zone_of("Europe/Paris"))
    assert found == at("2026-03-29T01:30")


calendars = st.builds(
    Calendar,
    st.just("c"),
    st.dictionaries(st.dates(dt.date(2026, 1, 1), dt.date(2026, 3, 31)), st.just("off"), max_size=40),
)
expressions = st.sampled_from(["0 8 * * *", "0 8 1 * *", "30 7,19 * * 1-5", "0 8 * * 6", "0 8 L * *", "0 */6 * * *"])
starts = st.datetimes(dt.datetime(2026, 1, 1), dt.datetime(2026, 2, 15), timezones=st.just(UTC))


@given(expressions, calendars, st.sampled_from(list(OnHoliday)), starts)
def test_occurrences_come_in_order_and_each_look_gives_the_same_ones(expression, calendar, on_holiday, start):
    table = Timetable(Cron(expression), "Europe/Paris", calendar, on_holiday)
    found = [each.at for each in table.between(start, start + dt.timedelta(days=40), limit=500)]
    assert found == sorted(set(found))
    one_by_one, last = [], start
    for _ in found:
        occurrence = table.next_after(last)
        assert occurrence is not None
        last = occurrence.at
        one_by_one.append(last)
    assert one_by_one == found


@given(expressions, calendars, starts)
def test_a_moved_tick_is_always_on_a_business_day(expression, calendar, start):
    for on_holiday in (OnHoliday.NEXT_BUSINESS_DAY, OnHoliday.PREVIOUS_BUSINESS_DAY):
        table = Timetable(Cron(expression), "Europe/Paris", calendar, on_holiday)
        for each in table.between(start, start + dt.timedelta(days=40), limit=100):
            assert calendar.is_business_day(each.at.astimezone(zone_of("Europe/Paris")).date())
