"""The queue, read in as few columns as it needs: thousands of runs may wait."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, bindparam, func, insert, literal_column, select, update

from ..domain.queue import Patience, Place, Room
from ..domain.runs import RunState
from . import tables as t
from .environments import concurrency_limits


class SqlQueue:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def waiting(self, first: int | None = None) -> Sequence[Place]:
        if first is None:
            return [Place._make(row) for row in self._connection.execute(_WAITING).all()]
        return [Place._make(row) for row in self._connection.execute(_FIRST, {"first": first}).all()]

    def active(self) -> Sequence[Place]:
        return [Place._make(row) for row in self._connection.execute(_ACTIVE).all()]

    def patience(self) -> Sequence[Patience]:
        return [Patience._make(row) for row in self._connection.execute(_PATIENCE).all()]

    def room(self, slots: int) -> Room:
        limits = concurrency_limits(self._connection)
        return Room(
            slots=slots,
            jobs={row.id: row.concurrency for row in self._connection.execute(_LIMITED_JOBS)},
            projects={row.name: row.concurrency for row in self._connection.execute(_LIMITED_PROJECTS)},
            environments={name: limit for name, limit in limits.items() if limit is not None},
        )

    def last_starts(self) -> Mapping[str, dt.datetime]:
        return {row.person: row.started_at for row in self._connection.execute(_LAST_STARTS)}

    def note_start(self, person: str, *, at: dt.datetime) -> None:
        if self._connection.execute(_NOTE_START, {"of_person": person, "started_at": at}).rowcount == 0:
            # Nobody else notes it meanwhile: only the one engine that leads does.
            self._connection.execute(insert(t.last_starts), {"person": person, "started_at": at})


_C = t.runs.c
_PLACE = [_C[name] for name in Place._fields]
# States are written out: the index of the queue serves no query that brings its state along as a parameter.
_QUEUED, _IS_ACTIVE = (_C.state == literal_column(f"'{state}'") for state in (RunState.QUEUED, RunState.ACTIVE))
_WAITING = select(*_PLACE).where(_QUEUED).order_by(*_PLACE[:3])
_NUMBERED = (
    select(*_PLACE, func.row_number().over(partition_by=_PLACE[0], order_by=_PLACE[1:3]).label("number"))
    .where(_QUEUED)
    .subquery()
)
_FIRST = (
    select(*(_NUMBERED.c[name] for name in Place._fields))
    .where(_NUMBERED.c.number <= bindparam("first"))
    .order_by(*(_NUMBERED.c[name] for name in Place._fields[:3]))
)
_ACTIVE = select(*_PLACE).where(_IS_ACTIVE)
_PATIENCE = select(*(_C[name] for name in Patience._fields)).where(_C.state == RunState.QUEUED)
_LIMITED_JOBS = select(t.jobs.c.id, t.jobs.c.concurrency).where(t.jobs.c.concurrency.is_not(None))
_LIMITED_PROJECTS = select(t.projects.c.name, t.projects.c.concurrency).where(t.projects.c.concurrency.is_not(None))
_LAST_STARTS = select(t.last_starts)
_NOTE_START = update(t.last_starts).where(t.last_starts.c.person == bindparam("of_person"))
