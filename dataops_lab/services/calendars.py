"""Calendars of days off: from a country, from an uploaded file, or as given."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..domain.actors import Actor
from ..domain.calendars import CALENDAR_FILE, GIVEN_DAYS, WEEKEND, Calendar
from ..domain.policy import ObjectKind, Verb
from ..errors import Conflict, InvalidSchedule, NotFound
from ..ports import Transaction
from .context import Services
from .permissions import require
from .ticks import timetable_of

YEARS_BACK, YEARS_AHEAD = 2, 20


@dataclass(frozen=True)
class CalendarWish:
    """The source of the days of a calendar: the text of an iCalendar file, a country, or the days themselves."""

    ics: str | None = None
    country: str | None = None
    subdivision: str | None = None
    days: Mapping[dt.date, str] | None = None
    weekend: tuple[int, ...] = WEEKEND


def list_all(ctx: Services) -> Sequence[Calendar]:
    with ctx.store.read() as tx:
        return tx.calendars.all()


def get(ctx: Services, name: str) -> Calendar:
    with ctx.store.read() as tx:
        return _get(tx, name)


def put(ctx: Services, name: str, wish: CalendarWish, *, by: Actor) -> Calendar:
    """Add the calendar or replace the one of that name. The next ticks of schedules that use it follow at once.

    InvalidSchedule, and nothing is changed, when its source cannot be read.
    """
    require(ctx, by, Verb.CHANGE, ObjectKind.CALENDAR, what="A calendar")
    calendar = make(ctx, name, wish)
    with ctx.store.begin() as tx:
        return store(ctx, tx, calendar, by=by)


def make(ctx: Services, name: str, wish: CalendarWish) -> Calendar:
    """Return the calendar with its days, and store nothing. InvalidSchedule when its source cannot be read."""
    days, source = _days(ctx, wish)
    calendar = Calendar(name, days, wish.weekend, source)
    calendar.check()
    return calendar


def store(ctx: Services, tx: Transaction, calendar: Calendar, *, by: Actor) -> Calendar:
    """Write the calendar in this transaction, and plan the next ticks of its schedules anew."""
    stored = tx.calendars.put(calendar, at=ctx.clock.now(), by=by)
    for schedule in tx.schedules.list_with_calendar(calendar.name):
        tx.schedules.move_on(schedule.planned(timetable_of(tx, schedule)))
    return stored


def remove(ctx: Services, name: str, *, by: Actor) -> Calendar:
    """Remove the calendar, and return it as it was. Conflict while a schedule uses it."""
    require(ctx, by, Verb.CHANGE, ObjectKind.CALENDAR, what="A calendar")
    with ctx.store.begin() as tx:
        calendar = _get(tx, name)
        users = [schedule.name for schedule in tx.schedules.list_with_calendar(name)]
        if users:
            raise Conflict(
                f"The calendar {name} is used by {', '.join(users[:5])}. Let these schedules use another one first.",
                code="calendar_in_use",
                schedules=users,
            )
        tx.calendars.remove(name, at=ctx.clock.now(), by=by)
    return calendar


def _get(tx: Transaction, name: str) -> Calendar:
    calendar = tx.calendars.find(name)
    if calendar is None:
        names = ", ".join(each.name for each in tx.calendars.all()) or "none yet"
        raise NotFound(f"There is no calendar {name!r}. There is: {names}.", code="unknown_calendar")
    return calendar


def _days(ctx: Services, wish: CalendarWish) -> tuple[Mapping[dt.date, str], str]:
    given = [each for each in (wish.ics, wish.country, wish.days) if each is not None]
    if len(given) != 1:
        raise InvalidSchedule("Give one source of the days: a file, a country, or the days themselves.")
    if wish.days is not None:
        return wish.days, GIVEN_DAYS
    year = ctx.clock.now().year
    first, last = dt.date(year - YEARS_BACK, 1, 1), dt.date(year + YEARS_AHEAD, 12, 31)
    if wish.country is not None:
        return ctx.holidays.of_country(wish.country, wish.subdivision, first, last), "-".join(
            filter(None, [wish.country.upper(), wish.subdivision])
        )
    assert wish.ics is not None
    return ctx.holidays.of_ics(wish.ics, first, last), CALENDAR_FILE
