from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, func, insert, or_, select, update

from ..domain.environments import Resources
from ..domain.images import RunImage
from ..domain.runs import Run, RunState
from ..domain.snapshots import Finding, KernelChoice, Severity
from ..domain.versions import Origin
from ..errors import InvalidRequest, NotFound, StaleWrite
from ..ports import Page, RunFilter
from . import reasons
from . import tables as t
from .events import SqlEvents
from .fitting import fitting
from .locks import held, hold
from .pages import contains, page_of

SHORTEST_PREFIX = 6


class SqlRuns:
    def __init__(self, connection: Connection, events: SqlEvents) -> None:
        self._connection = connection
        self._events = events

    def get(self, run_id: str) -> Run:
        found = held(self._connection, select(t.runs))
        rows = self._connection.execute(found.where(t.runs.c.id == run_id)).all()
        if not rows and SHORTEST_PREFIX <= len(run_id) <= 26 and run_id.isascii() and run_id.isalnum():
            # Between, since LIKE uses no index on either database.
            first, last = (run_id.upper().ljust(26, end) for end in "0Z")
            rows = self._connection.execute(found.where(t.runs.c.id.between(first, last)).limit(2)).all()
        if len(rows) > 1:
            raise InvalidRequest(f"{run_id!r} stands for several runs; give more of its characters.")
        if not rows:
            raise NotFound(f"There is no run {run_id!r}. `jupyter dataops runs list` shows those there are.")
        return _run(rows[0])

    def by_key(self, project: str, key: str) -> Run | None:
        hold(self._connection, "key", project, key)
        query = select(t.runs).where(t.runs.c.project == project, t.runs.c.key == key)
        row = self._connection.execute(query).one_or_none()
        return _run(row) if row else None

    def add(self, run: Run) -> None:
        self._connection.execute(insert(t.runs), fitting(t.runs, _columns(run)))
        self._events.add(run.id, f"run.{run.state}", at=run.created_at)

    def page(self, where: RunFilter, *, limit: int, cursor: str | None = None) -> Page[Run]:
        query = select(t.runs)
        if where.states:
            query = query.where(t.runs.c.state.in_([str(state) for state in where.states]))
        if where.job_id:
            query = query.where(t.runs.c.job_id == where.job_id)
        if where.environment:
            query = query.where(t.runs.c.environment == where.environment)
        if where.created_by:
            query = query.where(t.runs.c.created_by == where.created_by)
        if where.created_after:
            query = query.where(t.runs.c.created_at >= where.created_after)
        if where.created_before:
            query = query.where(t.runs.c.created_at < where.created_before)
        if where.text:
            jobs = select(t.jobs.c.id).where(
                or_(contains(t.jobs.c.name, where.text), contains(t.jobs.c.source, where.text))
            )
            query = query.where(
                or_(t.runs.c.job_id.in_(jobs), contains(t.runs.c.reason["message"].as_string(), where.text))
            )
        return page_of(self._connection, query, t.runs.c.id, _run, limit=limit, cursor=cursor)

    def queued(self, limit: int) -> Sequence[Run]:
        query = select(t.runs).where(t.runs.c.state == RunState.QUEUED).order_by(t.runs.c.id).limit(limit)
        return [_run(row) for row in self._connection.execute(query)]

    def in_state(self, *states: RunState) -> Sequence[Run]:
        query = select(t.runs).where(t.runs.c.state.in_([str(state) for state in states])).order_by(t.runs.c.id)
        return [_run(row) for row in self._connection.execute(query)]

    def count_ahead(self, run: Run) -> int:
        query = select(func.count()).where(t.runs.c.state == RunState.QUEUED, t.runs.c.id < run.id)
        return self._connection.scalar(query) or 0

    def move(self, before: Run, after: Run, **data: Any) -> None:
        at = after.finished_at or after.started_at or after.created_at
        row = {name: value for name, value in _columns(after).items() if name not in _INTENTS}
        moved = self._connection.execute(
            update(t.runs).where(t.runs.c.id == before.id, t.runs.c.state == before.state), row
        )
        if moved.rowcount != 1:
            raise StaleWrite(f"Run {before.id} is no longer {before.state}.", id=before.id)
        self._events.add(after.id, f"run.{after.state}", at=at, data=data)

    def request_cancel(self, run_id: str, *, at: dt.datetime, by: str) -> None:
        noted = self._connection.execute(
            update(t.runs).where(t.runs.c.id == run_id, t.runs.c.cancel_requested_at.is_(None)),
            fitting(t.runs, {"cancel_requested_at": at, "cancel_requested_by": by}),
        )
        if noted.rowcount == 1:
            self._events.add(run_id, "run.cancel_requested", at=at, data={"by": by})

    def counts(self) -> Mapping[RunState, int]:
        rows = self._connection.execute(select(t.runs.c.state, func.count()).group_by(t.runs.c.state))
        return {RunState(state): count for state, count in rows}


# The engine moves states while people write intents: neither may undo the other.
_INTENTS = frozenset({"cancel_requested_at", "cancel_requested_by"})


def _columns(run: Run) -> dict[str, Any]:
    return {
        **vars(run),
        "kernel": asdict(run.kernel),
        "reason": reasons.to_json(run.reason),
        "origin": asdict(run.origin),
        "findings": [asdict(finding) for finding in run.findings],
        "image": asdict(run.image) if run.image else None,
        "resources": asdict(run.resources),
    }


def _run(row: Row[Any]) -> Run:
    values = dict(row._mapping)
    kernel = values["kernel"]
    return Run(
        **{
            **values,
            "state": RunState(values["state"]),
            "kernel": KernelChoice(**{**kernel, "argv": tuple(kernel["argv"])}),
            "reason": reasons.from_json(values["reason"]),
            "origin": Origin(**values["origin"]),
            "findings": tuple(Finding(**{**f, "severity": Severity(f["severity"])}) for f in values["findings"]),
            "image": RunImage(**values["image"]) if values["image"] else None,
            "resources": Resources(**values["resources"]),
        }
    )
