"""The port `Holidays`, on the libraries of the extra `calendars`. Each is imported at its first use."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from .domain.calendars import MAX_DAYS, MAX_NAME_LENGTH
from .errors import InvalidSchedule

MAX_EVENTS = 5_000
_FREQUENCIES = {"YEARLY", "MONTHLY", "WEEKLY", "DAILY"}
_WITHIN_A_DAY = {"BYHOUR", "BYMINUTE", "BYSECOND"}
_INSTALL = "`pip install 'dataops-lab[calendars]'` installs what reads them."


class LibraryHolidays:
    def of_country(self, country: str, subdivision: str | None, first: dt.date, last: dt.date) -> Mapping[dt.date, str]:
        try:
            import holidays
        except ImportError:
            raise _refused(f"The holidays of countries cannot be read here. {_INSTALL}") from None
        known = holidays.list_supported_countries()
        code = country.strip().upper()
        if code not in known:
            raise _refused(
                f"No holidays are known of {country!r}. Use the two letters of a country in ISO 3166, such as FR."
            )
        if subdivision is not None and subdivision not in known[code]:
            names = ", ".join(known[code]) or "none"
            raise _refused(f"{code} has no subdivision {subdivision!r}. It has: {names}.")
        years = range(first.year, last.year + 1)
        found = holidays.country_holidays(code, subdiv=subdivision, years=years)
        return {day: str(name) for day, name in found.items() if first <= day <= last}

    def of_ics(self, text: str, first: dt.date, last: dt.date) -> Mapping[dt.date, str]:
        try:
            import icalendar
            import recurring_ical_events
        except ImportError:
            raise _refused(f"Calendar files cannot be read here. {_INSTALL}") from None
        try:
            calendar = icalendar.Calendar.from_ical(text)
            whole_days = _keep_whole_days(calendar)
            found: dict[dt.date, str] = {}
            events = recurring_ical_events.of(whole_days).after(first)
            for event in islice(events, MAX_DAYS + 1):
                if event["DTSTART"].dt > last:
                    break
                name = str(event.get("SUMMARY", "day off"))[:MAX_NAME_LENGTH]
                found |= dict.fromkeys(_days_of(event, first, last), name)
                if len(found) > MAX_DAYS:
                    raise _refused(f"The calendar has more than {MAX_DAYS} days off. Leave old years out.")
        except InvalidSchedule:
            raise
        except Exception as error:
            # The libraries raise whatever the text makes them stumble over.
            raise _refused(f"The calendar cannot be read: {error or type(error).__name__}.") from None
        if not found:
            raise _refused(f"The calendar has no event for a whole day between {first} and {last}.")
        return found


def _keep_whole_days(calendar: Any) -> Any:
    """Remove everything but events of whole days: hours do not make a day off, and cost time where they recur."""
    events = [each for each in calendar.walk("VEVENT") if _is_whole_day(each)]
    if len(events) > MAX_EVENTS:
        raise _refused(f"The calendar has {len(events)} events; {MAX_EVENTS} are allowed. Leave old years out.")
    for event in events:
        rules = event.get("RRULE", [])
        for rule in rules if isinstance(rules, list) else [rules]:
            if not set(rule.get("FREQ", [])) <= _FREQUENCIES or any(
                name.startswith("BY") and "SECOND" in name for name in rule
            ):
                raise _refused("An event of the calendar recurs more often than once a day.")
    calendar.subcomponents = events
    return calendar


def _is_whole_day(event: Any) -> bool:
    start = event.get("DTSTART")
    return start is not None and isinstance(start.dt, dt.date) and not isinstance(start.dt, dt.datetime)


def _days_of(event: Any, first: dt.date, last: dt.date) -> Iterator[dt.date]:
    start = event["DTSTART"].dt
    # The end is the day after the last one.
    end = event["DTEND"].dt if "DTEND" in event else start + dt.timedelta(days=1)
    day = max(start, first)
    while day < max(end, start + dt.timedelta(days=1)) and day <= last:
        yield day
        day += dt.timedelta(days=1)


def _refused(message: str) -> InvalidSchedule:
    return InvalidSchedule(message, code="invalid_calendar")
