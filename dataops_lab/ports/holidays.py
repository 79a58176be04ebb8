from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Protocol


class Holidays(Protocol):
    """A reader of holidays. Its methods raise InvalidSchedule with the code `invalid_calendar`, which says why."""

    def of_country(self, country: str, subdivision: str | None, first: dt.date, last: dt.date) -> Mapping[dt.date, str]:
        """Return the public holidays of these days, by their date."""
        ...

    def of_ics(self, text: str, first: dt.date, last: dt.date) -> Mapping[dt.date, str]:
        """Return the whole days of the events of an iCalendar text, with all that recur, by their date."""
        ...
