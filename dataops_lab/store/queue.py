"""The queue, read in as few columns as it needs: thousands of runs may wait."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Select, literal_column, select, update

from ..domain.queue import Patience, Place, Room
from ..domain.runs import RunState
from . import tables as t
from .environments import SqlEnvironments
from .fitting import add_unless_there, fitting


class SqlQueue:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def waiting(self) -> Sequence[Place]:
        query = self._places(RunState.QUEUED).order_by(*_PLACE[:3])
        return [Place._make(row) for row in self._connection.execute(query).all()]

    def active(self) -> Sequence[Place]:
        return [Place._make(row) for row in self._connection.execute(self._places(RunState.ACTIVE)).all()]

    def patience(self) -> Sequence[Patience]:
        query = select(*(t.runs.c[name] for name in Patience._fields)).where(t.runs.c.state == RunState.QUEUED)
        return [Patience._make(row) for row in self._connection.execute(query).all()]

    def room(self, slots: int) -> Room:
        limits = {it.name: it.limits.concurrency for it in SqlEnvironments(self._connection).all()}
        jobs = select(t.jobs.c.id, t.jobs.c.concurrency).where(t.jobs.c.concurrency.is_not(None))
        projects = select(t.projects.c.name, t.projects.c.concurrency).where(t.projects.c.concurrency.is_not(None))
        return Room(
            slots=slots,
            jobs={row.id: row.concurrency for row in self._connection.execute(jobs)},
            projects={row.name: row.concurrency for row in self._connection.execute(projects)},
            environments={name: limit for name, limit in limits.items() if limit is not None},
        )

    def last_starts(self) -> Mapping[str, dt.datetime]:
        return {row.person: row.started_at for row in self._connection.execute(select(t.last_starts))}

    def note_start(self, person: str, *, at: dt.datetime) -> None:
        row = fitting(t.last_starts, {"person": person, "started_at": at})
        if not add_unless_there(self._connection, t.last_starts, row):
            query = update(t.last_starts).where(t.last_starts.c.person == person)
            self._connection.execute(query, {"started_at": at})

    def _places(self, state: RunState) -> Select[Any]:
        # Written out: the index of the queue serves no query that brings the state along as a parameter.
        return select(*_PLACE).where(t.runs.c.state == literal_column(f"'{state}'"))


_PLACE = [t.runs.c[name] for name in Place._fields]
