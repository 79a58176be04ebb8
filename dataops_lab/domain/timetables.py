"""Timetables: the instants at which a schedule is due, from its rule, its time zone and its calendar."""

from __future__ import annotations

import datetime as dt
import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from itertools import islice
from typing import Any, TypeAlias
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from ..errors import InvalidSchedule
from .calendars import WEEKENDS, Calendar
from .cron import fires_after, normalize_cron

MIN_INTERVAL_S = 1.0
MAX_INTERVAL_S = 366 * 86400.0
_DAY = dt.timedelta(days=1)
_YEARS_TO_LOOK = 30
_MAX_STRANDED = 50_000
"""The number of occurrences without a business day near them, after which the search for one ends."""
_MAX_SKIPPED = 5_000


class OnHoliday(StrEnum):
    """The effect of a day off of the calendar on a tick."""

    RUN = "run"
    SKIP = "skip"
    """The tick is skipped on a named day off. Weekends alone are left to the expression."""
    NEXT_BUSINESS_DAY = "next_business_day"
    PREVIOUS_BUSINESS_DAY = "previous_business_day"


@dataclass(frozen=True)
class Cron:
    """`expression` is normalized, see `cron`."""

    expression: str


@dataclass(frozen=True)
class Interval:
    """Every `every_s` seconds of real time, counted from the epoch and shifted by `phase_s`."""

    every_s: float
    phase_s: float = 0.0


@dataclass(frozen=True)
class Once:
    at: dt.datetime


@dataclass(frozen=True)
class BusinessDay:
    """The n-th business day of each month at a local time; negative numbers count from the end."""

    number: int
    at: dt.time


TimeRule: TypeAlias = Cron | Interval | Once | BusinessDay


@dataclass(frozen=True)
class Occurrence:
    """A nominal time, in UTC. `holiday` names the day off on which it is skipped, or from which it was moved."""

    at: dt.datetime
    holiday: str | None = None
    skipped: bool = False


@dataclass(frozen=True)
class Timetable:
    rule: TimeRule
    timezone: str
    calendar: Calendar | None = None
    on_holiday: OnHoliday = OnHoliday.RUN
    starts_at: dt.datetime | None = None
    ends_at: dt.datetime | None = None

    def after(self, after: dt.datetime) -> Iterator[Occurrence]:
        """Yield the occurrences after the instant `after`, in order. Those that are skipped are among them."""
        if self.starts_at is not None:
            after = max(after, self.starts_at - dt.timedelta(microseconds=1))
        for occurrence in self._with_calendar(after):
            if self.ends_at is not None and occurrence.at > self.ends_at:
                return
            yield occurrence

    def next_after(self, after: dt.datetime) -> Occurrence | None:
        return next(self.after(after), None)

    def between(self, after: dt.datetime, until: dt.datetime, *, limit: int) -> list[Occurrence]:
        """Return the first occurrences after `after` and not after `until`, `limit` at most."""
        found = []
        for occurrence in islice(self.after(after), limit):
            if occurrence.at > until:
                break
            found.append(occurrence)
        return found

    def _with_calendar(self, after: dt.datetime) -> Iterator[Occurrence]:
        zone = zone_of(self.timezone)
        calendar = self.calendar
        if calendar is None or self.on_holiday is OnHoliday.RUN:
            yield from map(Occurrence, self._raw(after, zone))
        elif self.on_holiday is OnHoliday.SKIP:
            for at in self._raw(after, zone):
                name = calendar.holiday(at.astimezone(zone).date())
                yield Occurrence(at, name, skipped=name is not None)
        else:
            yield from self._moved(after, zone, calendar)

    def _moved(self, after: dt.datetime, zone: ZoneInfo, calendar: Calendar) -> Iterator[Occurrence]:
        """Yield them with those of days off on the next or previous business day, at the same local time.

        Times that fall together there are one occurrence.
        """
        direction = 1 if self.on_holiday is OnHoliday.NEXT_BUSINESS_DAY else -1
        first = after.astimezone(zone).date()
        # Move from the earliest day whose occurrences may still land after `after`.
        begin = _block_start(first, calendar) if direction > 0 else first
        raw = self._raw(local_instant(begin, dt.time(), zone) - dt.timedelta(microseconds=1), zone)
        waiting: list[tuple[dt.datetime, str]] = []
        last, stranded = after, 0
        for at in raw:
            local = at.astimezone(zone)
            target = calendar.next_business_day(local.date(), direction=direction)
            if target is None:
                stranded += 1
                if stranded > _MAX_STRANDED:
                    break
                continue
            # Nothing that comes later lands before this day.
            settled = local_instant(min(local.date(), target), dt.time(), zone)
            while waiting and waiting[0][0] < settled:
                moved, name = heapq.heappop(waiting)
                if moved > last:
                    last = moved
                    yield Occurrence(moved, name or None)
            if target == local.date():
                heapq.heappush(waiting, (at, ""))
            else:
                name = calendar.why_off(local.date()) or ""
                heapq.heappush(waiting, (local_instant(target, local.time(), zone), name))
        for moved, name in sorted(waiting):
            if moved > last:
                last = moved
                yield Occurrence(moved, name or None)

    def _raw(self, after: dt.datetime, zone: ZoneInfo) -> Iterator[dt.datetime]:
        match self.rule:
            case Cron(expression):
                yield from fires_after(expression, zone, after)
            case Interval(every_s, phase_s):
                yield from _intervals(every_s, phase_s, after)
            case Once(at):
                if at > after:
                    yield at
            case BusinessDay(number, at_time):
                yield from _business_days(number, at_time, after, zone, self.calendar or WEEKENDS)


def zone_of(name: str) -> ZoneInfo:
    """Return the time zone. InvalidSchedule, which names zones that are written alike, when there is none."""
    try:
        return _zone(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        pass
    known = available_timezones()
    wanted = name.strip().casefold().replace(" ", "_")
    # People write a city; a zone is a region and a city.
    cities = {zone.rpartition("/")[2].casefold(): zone for zone in sorted(known, reverse=True)}
    near = [cities[city] for city in get_close_matches(wanted.rpartition("/")[2], cities, n=3, cutoff=0.7)]
    hint = f" Do you mean {' or '.join(near)}?" if near else " Name one such as Europe/Paris or UTC."
    raise InvalidSchedule(f"There is no time zone {name!r}.{hint}", code="unknown_zone", suggestions=near)


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    if not name or len(name) > 100:
        raise ValueError(name)
    return ZoneInfo(name)


def local_instant(day: dt.date, time: dt.time, zone: ZoneInfo) -> dt.datetime:
    """Return the instant of a local time in UTC: the first of two, and the one after the gap for a time in a gap."""
    local = dt.datetime.combine(day, time.replace(fold=0), tzinfo=zone)
    return local.astimezone(dt.UTC)


def check_rule(rule: TimeRule) -> TimeRule:
    """Return the rule with its expression normalized. InvalidSchedule when it is wrong."""
    match rule:
        case Cron(expression):
            return Cron(normalize_cron(expression))
        case Interval(every_s, phase_s):
            if not MIN_INTERVAL_S <= every_s <= MAX_INTERVAL_S:
                raise InvalidSchedule(
                    f"An interval is {MIN_INTERVAL_S:g} to {MAX_INTERVAL_S:g} seconds long; {every_s:g} were given."
                )
            if not 0 <= phase_s < every_s:
                raise InvalidSchedule("The phase of an interval is at least 0 seconds, and less than the interval.")
        case Once(at):
            if at.tzinfo is None:
                raise InvalidSchedule("The time of a schedule that runs once needs an offset, such as `+02:00` or `Z`.")
        case BusinessDay(number):
            if not 1 <= abs(number) <= 23:
                raise InvalidSchedule("The business day of a month is 1 to 23, or -1 to -23 from its end.")
    return rule


def why_never(timetable: Timetable, after: dt.datetime) -> str | None:
    """Say in words why it never fires after this instant; None when it does."""
    if _first_start(timetable, after) is not None:
        return None
    if isinstance(timetable.rule, Once):
        return "The time has passed."
    if timetable.ends_at is not None:
        unbounded = _first_start(replace(timetable, ends_at=None), after)
        if unbounded is not None:
            return f"It ends before it would fire first, at {unbounded.at:%Y-%m-%d %H:%M} UTC."
    return "No day fits its rule and its calendar."


def _first_start(timetable: Timetable, after: dt.datetime) -> Occurrence | None:
    return next((each for each in islice(timetable.after(after), _MAX_SKIPPED) if not each.skipped), None)


def rule_to_json(rule: TimeRule) -> dict[str, Any]:
    match rule:
        case Cron(expression):
            return {"kind": "cron", "expression": expression}
        case Interval(every_s, phase_s):
            return {"kind": "interval", "every_s": every_s, "phase_s": phase_s}
        case Once(at):
            return {"kind": "once", "at": at.astimezone(dt.UTC).isoformat()}
        case BusinessDay(number, at):
            return {"kind": "business_day", "number": number, "at": at.isoformat()}


_FROM_JSON: dict[str, Callable[[dict[str, Any]], TimeRule]] = {
    "cron": lambda value: Cron(value["expression"]),
    "interval": lambda value: Interval(value["every_s"], value["phase_s"]),
    "once": lambda value: Once(dt.datetime.fromisoformat(value["at"])),
    "business_day": lambda value: BusinessDay(value["number"], dt.time.fromisoformat(value["at"])),
}


def rule_from_json(value: dict[str, Any]) -> TimeRule:
    return _FROM_JSON[value["kind"]](value)


def _intervals(every_s: float, phase_s: float, after: dt.datetime) -> Iterator[dt.datetime]:
    # Count in whole microseconds: floats would drift over a year.
    every, phase = round(every_s * 1e6), round(phase_s * 1e6)
    micro = dt.timedelta(microseconds=1)
    number = ((after - _EPOCH) // micro - phase) // every + 1
    while True:
        yield _EPOCH + (number * every + phase) * micro
        number += 1


_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


def _business_days(
    number: int, at: dt.time, after: dt.datetime, zone: ZoneInfo, calendar: Calendar
) -> Iterator[dt.datetime]:
    local = after.astimezone(zone)
    year, month = local.year, local.month
    for _ in range(12 * _YEARS_TO_LOOK):
        day = calendar.nth_business_day(year, month, number)
        if day is not None and (found := local_instant(day, at, zone)) > after:
            yield found
        year, month = (year, month + 1) if month < 12 else (year + 1, 1)


def _block_start(day: dt.date, calendar: Calendar) -> dt.date:
    """Return the first of the days off that lie directly before `day`, or `day` itself."""
    start = day
    while (day - start).days <= 31 and not calendar.is_business_day(start - _DAY):
        start -= _DAY
    return start
