"""The queue, read in as few columns as it needs: thousands of runs may wait."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, func, select, update

from ..domain.queue import Patience, Place, Room
from ..domain.runs import RunState
from . import tables as t
from .environments import SqlEnvironments
from .fitting import add_unless_there, fitting


class SqlQueue:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def waiting(self) -> Sequence[Place]:
        return self._places(RunState.QUEUED)

    def active(self) -> Sequence[Place]:
        return self._places(RunState.ACTIVE)

    def length(self) -> int:
        return self._connection.scalar(select(func.count()).where(t.runs.c.state == RunState.QUEUED)) or 0

    def patience(self) -> Sequence[Patience]:
        query = select(*(t.runs.c[name] for name in Patience._fields)).where(t.runs.c.state == RunState.QUEUED)
        return [Patience._make(row) for row in self._connection.execute(query)]

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

    def _places(self, state: RunState) -> Sequence[Place]:
        query = select(*(t.runs.c[name] for name in Place._fields)).where(t.runs.c.state == state)
        return [Place._make(row) for row in self._connection.execute(query)]
