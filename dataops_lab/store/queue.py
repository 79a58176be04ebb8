"""The queue, which reads only the columns that it needs, because thousands of runs may wait."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, bindparam, insert, literal_column, select, update

from ..domain.jobs import JobKind
from ..domain.queue import Changes, Patience, Place, Room, Standing
from ..domain.runs import RunState
from . import tables as t
from .environments import concurrency_limits


class SqlQueue:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def waiting(self) -> Sequence[Place]:
        return [Place._make(row) for row in self._connection.execute(_WAITING).all()]

    def active(self) -> Sequence[Place]:
        return [Place._make(row) for row in self._connection.execute(_ACTIVE).all()]

    def alive(self, run_ids: Collection[str] | None = None) -> Sequence[Standing]:
        if run_ids is None:
            rows = self._connection.execute(_ALIVE).all()
        else:
            rows = self._connection.execute(_ALIVE_AMONG, {"ids": list(run_ids)}).all()
        split = 1 + len(_PLACE)
        return [
            Standing(RunState(row[0]), Place._make(row[1:split]), Patience._make(row[split:]))
            for row in map(tuple, rows)
        ]

    def changes_since(self, seq: int) -> Changes:
        rows = self._connection.execute(_EVENTS, {"after": seq}).all()
        return Changes(
            seq=rows[-1].seq if rows else seq,
            moved=frozenset(run_id for _, run_id, kind in rows if kind in _MOVES),
            cancelled=frozenset(run_id for _, run_id, kind in rows if kind == "run.cancel_requested"),
        )

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

    def note_starts(self, people: Collection[str], *, at: dt.datetime) -> None:
        for person in people:
            if self._connection.execute(_NOTE_START, {"of_person": person, "started_at": at}).rowcount == 0:
                # Nobody else notes it meanwhile: only the leading engine does.
                self._connection.execute(insert(t.last_starts), {"person": person, "started_at": at})


_C = t.runs.c
_PLACE = [_C[name] for name in Place._fields]
# The states are written out: the index of the queue does not serve a query whose state is a parameter.
_QUEUED, _IS_ACTIVE = (_C.state == literal_column(f"'{state}'") for state in (RunState.QUEUED, RunState.ACTIVE))
# A pipeline run takes no slot: its steps do.
_TAKES_SLOT = _C.kind != literal_column(f"'{JobKind.PIPELINE}'")
_WAITING = select(*_PLACE).where(_QUEUED, _TAKES_SLOT).order_by(*_PLACE[:3])
_ACTIVE = select(*_PLACE).where(_IS_ACTIVE, _TAKES_SLOT)
_ALIVE_STATES = (RunState.QUEUED, RunState.ACTIVE, RunState.RETRY_WAIT)
_ALIVE = select(_C.state, *_PLACE, *(_C[name].label(f"of_{name}") for name in Patience._fields)).where(
    _C.state.in_([str(state) for state in _ALIVE_STATES]), _TAKES_SLOT
)
_ALIVE_AMONG = _ALIVE.where(_C.id.in_(bindparam("ids", expanding=True)))
_E = t.events.c
_EVENTS = select(_E.seq, _E.subject_id, _E.kind).where(_E.seq > bindparam("after")).order_by(_E.seq)
_MOVES = frozenset(["run.deleted", *(f"run.{state}" for state in RunState)])
_LIMITED_JOBS = select(t.jobs.c.id, t.jobs.c.concurrency).where(t.jobs.c.concurrency.is_not(None))
_LIMITED_PROJECTS = select(t.projects.c.name, t.projects.c.concurrency).where(t.projects.c.concurrency.is_not(None))
_LAST_STARTS = select(t.last_starts)
_NOTE_START = update(t.last_starts).where(t.last_starts.c.person == bindparam("of_person"))
