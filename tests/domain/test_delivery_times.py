"""Quiet hours, digests and limits, on a clock that is given."""

from __future__ import annotations

import datetime as dt

import pytest

from dataops_lab.domain.delivery_times import MOST_PER_WINDOW, WINDOW, Count, DeliveryTimes, QuietHours, counted, hold
from dataops_lab.domain.notifications import MessageKind
from dataops_lab.errors import InvalidRequest

NIGHT = QuietHours(dt.time(22), dt.time(7))
LUNCH = QuietHours(dt.time(12), dt.time(13))


def utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("quiet", "zone", "now", "end"),
    [
        (NIGHT, "UTC", "2026-03-02T21:59", None),
        (NIGHT, "UTC", "2026-03-02T22:00", "2026-03-03T07:00"),
        (NIGHT, "UTC", "2026-03-03T06:59", "2026-03-03T07:00"),
        (NIGHT, "UTC", "2026-03-03T07:00", None),
        (LUNCH, "UTC", "2026-03-02T12:30", "2026-03-02T13:00"),
        (LUNCH, "UTC", "2026-03-02T13:00", None),
        # The evening in Tokyo is noon in UTC.
        (NIGHT, "Asia/Tokyo", "2026-03-02T13:30", "2026-03-02T22:00"),
        # The night in which clocks are set forward is an hour shorter, the one in which they are set back is longer.
        (NIGHT, "Europe/Paris", "2026-03-28T23:00", "2026-03-29T05:00"),
        (NIGHT, "Europe/Paris", "2026-10-24T23:00", "2026-10-25T06:00"),
    ],
)
def test_quiet_hours_end_at_their_local_time(quiet, zone, now, end):
    assert quiet.end_of(utc(now), zone) == (utc(end) if end else None)


@pytest.mark.parametrize(
    ("now", "at"),
    [("2026-03-02T07:59", "2026-03-02T08:00"), ("2026-03-02T08:00", "2026-03-03T08:00")],
)
def test_a_digest_comes_at_the_next_local_time(now, at):
    assert DeliveryTimes(digest_at=dt.time(8)).next_digest(utc(now)) == utc(at)


def test_counts_begin_anew_when_their_window_has_passed_or_the_clock_was_set_back():
    at = utc("2026-03-02T08:00")
    count = None
    for minute in range(3):
        count = counted(count, at + dt.timedelta(minutes=minute))
    assert count == Count(at, 3)
    assert counted(count, at + WINDOW) == Count(at + WINDOW, 1)
    assert counted(count, at - WINDOW) == Count(at - WINDOW, 1)


@pytest.mark.parametrize(
    ("times", "kind", "urgent", "number", "held"),
    [
        ({}, "failure", False, 1, None),
        ({}, "failure", False, MOST_PER_WINDOW, None),
        ({}, "failure", False, MOST_PER_WINDOW + 1, "limit 00:30"),
        ({}, "failure", True, MOST_PER_WINDOW + 1, "limit 00:30"),
        ({"quiet": NIGHT}, "failure", False, 1, "quiet 07:00"),
        ({"quiet": NIGHT}, "failure", True, 1, None),
        ({"quiet": NIGHT}, "recovery", False, 1, "quiet 07:00"),
        ({"quiet": NIGHT}, "approval_wanted", False, 1, "quiet 07:00"),
        ({"digest_at": dt.time(9)}, "recovery", False, 1, "digest 09:00"),
        ({"digest_at": dt.time(9)}, "recovery", False, MOST_PER_WINDOW + 1, "digest 09:00"),
        ({"digest_at": dt.time(9)}, "failure", True, 1, None),
        ({"digest_at": dt.time(9)}, "approval_wanted", False, 1, None),
        ({"digest_at": dt.time(6), "quiet": NIGHT}, "recovery", False, 1, "digest 06:00"),
        ({"quiet": NIGHT}, "recovery", False, MOST_PER_WINDOW + 1, "quiet 07:00"),
        ({"quiet": NIGHT, "digest_at": dt.time(9)}, "digest", False, 99, None),
    ],
)
def test_a_message_waits_for_the_latest_of_what_holds_it(times, kind, urgent, number, held):
    now = utc("2026-03-02T23:45")
    count = Count(utc("2026-03-02T23:30"), number)
    found = hold(MessageKind(kind), DeliveryTimes(**times), now, urgent=urgent, count=count)
    assert (f"{found.reason} {found.until:%H:%M}" if found else None) == held


def test_choices_survive_the_store_and_empty_ones_are_refused():
    times = DeliveryTimes("Europe/Paris", NIGHT, dt.time(8, 30))
    assert DeliveryTimes.from_json(times.to_json()) == times
    assert DeliveryTimes.from_json(DeliveryTimes().to_json()) == DeliveryTimes()
    with pytest.raises(InvalidRequest):
        DeliveryTimes("Mars/Base").checked()
    with pytest.raises(InvalidRequest):
        DeliveryTimes(quiet=QuietHours(dt.time(7), dt.time(7))).checked()
