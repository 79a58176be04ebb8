from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from ..domain.actors import Actor
from ..domain.audit import changes
from ..domain.calendars import Calendar
from ..domain.events import Subject, SubjectKind
from . import tables as t
from .actors import SqlActors
from .events import SqlEvents
from .locks import advisory_lock
from .rows import check_lengths


class SqlCalendars:
    def __init__(self, connection: Connection, actors: SqlActors, events: SqlEvents) -> None:
        self._connection = connection
        self._actors = actors
        self._events = events

    def find(self, name: str) -> Calendar | None:
        row = self._connection.execute(_BY_NAME, {"name": name}).one_or_none()
        return _calendar(row, self._actors) if row else None

    def all(self) -> Sequence[Calendar]:
        return [_calendar(row, self._actors) for row in self._connection.execute(_ALL)]

    def put(self, calendar: Calendar, *, at: dt.datetime, by: Actor) -> Calendar:
        advisory_lock(self._connection, "calendar", calendar.name)
        definition = {
            "days": [[day.isoformat(), name] for day, name in sorted(calendar.days.items())],
            "weekend": list(calendar.weekend),
            "source": calendar.source,
        }
        row = {"definition": definition, "changed_at": at, "changed_by": by}
        c = t.calendars.c
        before = self._connection.scalar(select(c.definition).where(c.name == calendar.name))
        changed = self._connection.execute(
            update(t.calendars).where(c.name == calendar.name).values(**row, revision=c.revision + 1)
        )
        if changed.rowcount == 0:
            added = {**row, "name": calendar.name, "revision": 1}
            self._connection.execute(insert(t.calendars), check_lengths(t.calendars, added))
        stored = self.find(calendar.name)
        assert stored is not None
        kind = "calendar.added" if stored.revision == 1 else "calendar.changed"
        data = changes(before, definition)
        self._events.add(_subject(stored.name), kind, at=at, actor=by, revision=stored.revision, data=data)
        return stored

    def remove(self, name: str, *, at: dt.datetime, by: Actor) -> None:
        self._connection.execute(delete(t.calendars).where(t.calendars.c.name == name))
        self._events.add(_subject(name), "calendar.removed", at=at, actor=by)


_ALL = select(t.calendars).order_by(t.calendars.c.name)
_BY_NAME = select(t.calendars).where(t.calendars.c.name == bindparam("name"))


def _subject(name: str) -> Subject:
    return Subject(SubjectKind.CALENDAR, name)


def _calendar(row: Row[Any], actors: SqlActors) -> Calendar:
    definition = row.definition
    return Calendar(
        name=row.name,
        days={dt.date.fromisoformat(day): name for day, name in definition["days"]},
        weekend=tuple(definition["weekend"]),
        source=definition["source"],
        changed_at=row.changed_at,
        changed_by=actors.find(row.changed_by),
        revision=row.revision,
    )
