from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, insert, not_, select, update
from ulid import ULID

from ..domain.environments import Resources
from ..domain.images import RunImage
from ..domain.queue import turn_of
from ..domain.retention import ENDED
from ..domain.runs import Run, RunState
from ..domain.settings import RunSettings
from ..domain.snapshots import Finding, KernelChoice, Severity
from ..domain.versions import Origin
from ..errors import InvalidRequest, NotFound, StaleWrite
from ..ports import Page, RunFilter
from . import reasons
from . import tables as t
from .events import SqlEvents
from .filters import page_of_ids
from .fitting import fitting
from .locks import held, hold
from .pages import check_page, page_of
from .retention import is_protected
from .settings import taken_from

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
        check_page(limit, cursor)
        ids = page_of_ids(self._connection, where, limit=limit + 1, cursor=cursor)
        query = select(t.runs).where(t.runs.c.id.in_(ids))
        return page_of(self._connection, query, t.runs.c.id, _run, limit=limit, cursor=cursor)

    def in_state(self, *states: RunState) -> Sequence[Run]:
        query = select(t.runs).where(t.runs.c.state.in_([str(state) for state in states])).order_by(t.runs.c.id)
        return [_run(row) for row in self._connection.execute(query)]

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

    def keep(self, run_id: str, *, at: dt.datetime, by: str) -> None:
        self._keep(run_id, {"kept_at": at, "kept_by": by}, t.runs.c.kept_at.is_(None), "run.kept", at, by)

    def unkeep(self, run_id: str, *, at: dt.datetime, by: str) -> None:
        self._keep(run_id, dict.fromkeys(_KEPT), t.runs.c.kept_at.is_not(None), "run.unkept", at, by)

    def _keep(
        self, run_id: str, row: dict[str, Any], where: ColumnElement[bool], kind: str, at: dt.datetime, by: str
    ) -> None:
        changed = self._connection.execute(update(t.runs).where(t.runs.c.id == run_id, where), fitting(t.runs, row))
        if changed.rowcount == 1:
            self._events.add(run_id, kind, at=at, data={"by": by})

    def delete(self, run_ids: Sequence[str], *, at: dt.datetime, by: str) -> Sequence[str]:
        may_go = and_(t.runs.c.id.in_(run_ids), t.runs.c.state.in_(ENDED), not_(is_protected()))
        gone = self._connection.scalars(held(self._connection, select(t.runs.c.id).where(may_go))).all()
        for table in (t.events, t.reports, t.records, t.attempts):
            self._connection.execute(delete(table).where(table.c.run_id.in_(gone)))
        self._connection.execute(delete(t.runs).where(t.runs.c.id.in_(gone)))
        for run_id in gone:
            self._events.add(run_id, "run.deleted", at=at, data={"by": by})
        return gone

    def on_image(self, name: str, since: dt.datetime) -> Sequence[Run]:
        # Ids are times: the rows of the span are found by their key, not by a walk over all runs.
        c = t.runs.c
        first = str(ULID.from_datetime(since))[:10].ljust(26, "0")
        query = select(t.runs).where(c.id >= first, c.image["name"].as_string() == name).order_by(c.id.desc())
        return [_run(row) for row in self._connection.execute(query)]

    def counts(self) -> Mapping[RunState, int]:
        alive = [str(state) for state in RunState if not state.is_terminal]
        query = select(t.runs.c.state, func.count()).where(t.runs.c.state.in_(alive)).group_by(t.runs.c.state)
        return {RunState(state): count for state, count in self._connection.execute(query)}


_KEPT = ("kept_at", "kept_by")
# The engine moves states while people write intents: neither may undo the other.
_INTENTS = frozenset({"cancel_requested_at", "cancel_requested_by", *_KEPT})


def _columns(run: Run) -> dict[str, Any]:
    reason = reasons.to_json(run.reason)
    return {
        **{name: value for name, value in vars(run).items() if name != "settings"},
        **vars(run.settings),
        "turn": turn_of(run.created_at, run.settings.priority),
        "kernel": asdict(run.kernel),
        "reason": reason,
        "said": reason["message"][: t.SAID_LENGTH] if reason else None,
        "origin": asdict(run.origin),
        "findings": [asdict(finding) for finding in run.findings],
        "image": asdict(run.image) if run.image else None,
        "resources": asdict(run.resources),
    }


def _run(row: Row[Any]) -> Run:
    values = dict(row._mapping)
    del values["said"], values["turn"]
    settings = taken_from(values, RunSettings)
    kernel = values["kernel"]
    return Run(
        **{
            **values,
            "state": RunState(values["state"]),
            "settings": settings,
            "kernel": KernelChoice(**{**kernel, "argv": tuple(kernel["argv"])}),
            "reason": reasons.from_json(values["reason"]),
            "origin": Origin(**values["origin"]),
            "findings": tuple(Finding(**{**f, "severity": Severity(f["severity"])}) for f in values["findings"]),
            "image": RunImage(**values["image"]) if values["image"] else None,
            "resources": Resources(**values["resources"]),
        }
    )
