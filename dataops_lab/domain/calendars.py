"""Calendars: named days off, and business days counted by them. Schedules ask them, and so will freeze windows."""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ..errors import InvalidSchedule
from .actors import Actor

MAX_DAYS = 20_000
MAX_NAME_LENGTH = 200
"""The longest name of a day off."""
MAX_CALENDAR_NAME_LENGTH = 100
WEEKEND = (5, 6)
GIVEN_DAYS, CALENDAR_FILE = "given days", "iCalendar file"
"""The sources of the days of a calendar, besides a country."""
MAX_MOVE_DAYS = 31
"""The most days that a moved tick looks for a business day. No calendar has a longer holiday that means it."""

_DAY = dt.timedelta(days=1)


@dataclass(frozen=True)
class Calendar:
    """Days off by date, each with its name. `weekend` are the days of the week that are off too; Monday is 0.

    `source` says where the days come from: a country such as `FR`, or the name of a file.
    """

    name: str
    days: Mapping[dt.date, str]
    weekend: tuple[int, ...] = WEEKEND
    source: str = ""
    changed_at: dt.datetime | None = None
    changed_by: Actor | None = None
    revision: int = field(default=1, compare=False)

    def check(self) -> None:
        """Raise InvalidSchedule unless it can be stored and counted with."""
        if not (0 < len(self.name) <= MAX_CALENDAR_NAME_LENGTH and self.name.isprintable()):
            raise InvalidSchedule(
                f"{self.name[:80]!r} cannot name a calendar: a name has 1 to {MAX_CALENDAR_NAME_LENGTH} printable "
                "characters, such as `fr`.",
                code="invalid_calendar",
            )
        if len(self.days) > MAX_DAYS:
            raise InvalidSchedule(
                f"The calendar has {len(self.days)} days; {MAX_DAYS} are allowed. Leave old years out.",
                code="invalid_calendar",
            )
        if len(set(self.weekend)) > 6 or not set(self.weekend) <= set(range(7)):
            raise InvalidSchedule(
                "The weekend names days from 0 for Monday to 6 for Sunday, and leaves at least one working day.",
                code="invalid_calendar",
            )

    @property
    def country(self) -> str | None:
        """The country whose holidays it has, such as `FR` or `DE-BW`; None for days that people gave."""
        return None if self.source in ("", GIVEN_DAYS, CALENDAR_FILE) else self.source

    @cached_property
    def _sorted(self) -> list[dt.date]:
        return sorted(self.days)

    @property
    def last_day(self) -> dt.date | None:
        """The last day that it knows. After it the calendar has no holidays, which is hardly true."""
        return self._sorted[-1] if self._sorted else None

    def holiday(self, day: dt.date) -> str | None:
        """Return the name of the day off; None for other days. A weekend alone does not count."""
        return self.days.get(day)

    def is_business_day(self, day: dt.date) -> bool:
        return day.weekday() not in self.weekend and day not in self.days

    def why_off(self, day: dt.date) -> str | None:
        return self.days.get(day) or ("weekend" if day.weekday() in self.weekend else None)

    def next_business_day(self, day: dt.date, *, direction: int = 1) -> dt.date | None:
        """Return `day`, or the business day nearest to it in this direction; None when a month has none."""
        for distance in range(MAX_MOVE_DAYS + 1):
            candidate = day + direction * distance * _DAY
            if self.is_business_day(candidate):
                return candidate
        return None

    def nth_business_day(self, year: int, month: int, number: int) -> dt.date | None:
        """Return the n-th business day of the month, from the end for negative numbers; None when it has fewer."""
        days = [day for day in _days_of_month(year, month) if self.is_business_day(day)]
        index = number - 1 if number > 0 else number
        return days[index] if -len(days) <= index < len(days) else None

    def between(self, first: dt.date, last: dt.date) -> list[tuple[dt.date, str]]:
        """Return the days off from `first` to `last`, both included, without weekends that have no name."""
        found = self._sorted[bisect_left(self._sorted, first) : bisect_right(self._sorted, last)]
        return [(day, self.days[day]) for day in found]


WEEKENDS = Calendar("weekends", {})
"""The calendar where none is named: weekends are off."""


def _days_of_month(year: int, month: int) -> Iterator[dt.date]:
    day = dt.date(year, month, 1)
    while day.month == month:
        yield day
        day += _DAY
