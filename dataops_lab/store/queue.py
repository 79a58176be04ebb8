"""The queue, which reads only the columns that it needs, because thousands of runs may wait."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, and_, bindparam, insert, literal_column, select, update

from ..domain.jobs import JobKind
from ..domain.queue import ConcurrencyLimits, QueueChanges, QueueDeadline, QueuedRun, UnfinishedRun
from ..domain.runs import RunState
from . import tables as t
from .environments import concurrency_limits


class SqlQueue:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def list_queued(self) -> Sequence[QueuedRun]:
        return [QueuedRun._make(row) for row in self._connection.execute(_WAITING).all()]

    def list_active(self) -> Sequence[QueuedRun]:
        return [QueuedRun._make(row) for row in self._connection.execute(_ACTIVE).all()]

    def list_unfinished(self, run_ids: Collection[str] | None = None) -> Sequence[UnfinishedRun]:
        if run_ids is None:
            rows = self._connection.execute(_ALIVE).all()
        else:
            rows = self._connection.execute(_ALIVE_AMONG, {"ids": list(run_ids)}).all()
        boundary = 1 + len(_QUEUED_RUN_COLUMNS)
        return [
            UnfinishedRun(RunState(row[0]), QueuedRun._make(row[1:boundary]), QueueDeadline._make(row[boundary:]))
            for row in map(tuple, rows)
        ]

    def changes_since(self, seq: int) -> QueueChanges:
        rows = self._connection.execute(_EVENTS, {"after": seq}).all()
        return QueueChanges(
            seq=rows[-1].seq if rows else seq,
            moved=frozenset(run_id for _, run_id, kind in rows if kind in _MOVES),
            cancelled=frozenset(run_id for _, run_id, kind in rows if kind == "run.cancel_requested"),
        )

    def concurrency_limits(self, slots: int) -> ConcurrencyLimits:
        limits = concurrency_limits(self._connection)
        return ConcurrencyLimits(
            slots=slots,
            jobs={row.id: row.concurrency for row in self._connection.execute(_LIMITED_JOBS)},
            projects={row.name: row.concurrency for row in self._connection.execute(_LIMITED_PROJECTS)},
            environments={name: limit for name, limit in limits.items() if limit is not None},
        )

    def last_starts(self) -> Mapping[str, dt.datetime]:
        return {row.person: row.started_at for row in self._connection.execute(_LAST_STARTS)}

    def record_starts(self, people: Collection[str], *, at: dt.datetime) -> None:
        for person in people:
            if self._connection.execute(_NOTE_START, {"of_person": person, "started_at": at}).rowcount == 0:
                # Nobody else notes it meanwhile: only the leading engine does.
                self._connection.execute(insert(t.last_starts), {"person": person, "started_at": at})


_C = t.runs.c
_QUEUED_RUN_COLUMNS = [_C[name] for name in QueuedRun._fields]
# The states are written out: the index of the queue does not serve a query whose state is a parameter.
_QUEUED, _IS_ACTIVE = (_C.state == literal_column(f"'{state}'") for state in (RunState.QUEUED, RunState.ACTIVE))
# A run with steps takes no slot: its steps do. There is one condition for each kind, so that the index serves.
_TAKES_SLOT = and_(*(_C.kind != literal_column(f"'{kind}'") for kind in JobKind if kind.has_steps))
_WAITING = select(*_QUEUED_RUN_COLUMNS).where(_QUEUED, _TAKES_SLOT).order_by(*_QUEUED_RUN_COLUMNS[:3])
_ACTIVE = select(*_QUEUED_RUN_COLUMNS).where(_IS_ACTIVE, _TAKES_SLOT)
_ALIVE_STATES = (RunState.QUEUED, RunState.ACTIVE, RunState.RETRY_WAIT)
_ALIVE = select(
    _C.state, *_QUEUED_RUN_COLUMNS, *(_C[name].label(f"of_{name}") for name in QueueDeadline._fields)
).where(_C.state.in_([str(state) for state in _ALIVE_STATES]), _TAKES_SLOT)
_ALIVE_AMONG = _ALIVE.where(_C.id.in_(bindparam("ids", expanding=True)))
_E = t.events.c
_EVENTS = select(_E.seq, _E.subject_id, _E.kind).where(_E.seq > bindparam("after")).order_by(_E.seq)
_MOVES = frozenset(["run.deleted", *(f"run.{state}" for state in RunState)])
_LIMITED_JOBS = select(t.jobs.c.id, t.jobs.c.concurrency).where(t.jobs.c.concurrency.is_not(None))
_LIMITED_PROJECTS = select(t.projects.c.name, t.projects.c.concurrency).where(t.projects.c.concurrency.is_not(None))
_LAST_STARTS = select(t.last_starts)
_NOTE_START = update(t.last_starts).where(t.last_starts.c.person == bindparam("of_person"))
