from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, bindparam, delete, func, insert, not_, select, text, update
from ulid import ULID

from ..domain.actors import Actor
from ..domain.environments import Resources
from ..domain.events import SubjectKind, run_of
from ..domain.images import RunImage
from ..domain.jobs import JobKind
from ..domain.pipelines import split_parent_key
from ..domain.queue import turn_of
from ..domain.retention import ENDED
from ..domain.runs import CancelRequest, Reason, Run, RunState, RunSummary, Trigger, TriggerKind
from ..domain.settings import RunSettings
from ..domain.snapshots import Finding, KernelChoice, Severity
from ..domain.stored import known
from ..domain.versions import Origin
from ..errors import InvalidRequest, NotFound, StaleWrite
from ..ports import Page, RunFilter
from . import reasons, summaries
from . import tables as t
from .actors import SqlActors
from .events import SqlEvents
from .fitting import fitting
from .locks import held, hold
from .retention import is_protected
from .settings import taken_from

SHORTEST_PREFIX = 6


class SqlRuns:
    def __init__(self, connection: Connection, events: SqlEvents, actors: SqlActors) -> None:
        self._connection = connection
        self._actors = actors
        self._events = events

    def get(self, run_id: str) -> Run:
        self._events.count()
        rows = self._connection.execute(held(self._connection, _BY_IDS), {"ids": [run_id]}).all()
        if not rows and SHORTEST_PREFIX <= len(run_id) <= 26 and run_id.isascii() and run_id.isalnum():
            # BETWEEN, because LIKE uses no index on either database.
            first, last = (run_id.upper().ljust(26, end) for end in "0Z")
            found = select(t.runs).where(t.runs.c.id.between(first, last)).limit(2)
            rows = self._connection.execute(held(self._connection, found)).all()
        if len(rows) > 1:
            raise InvalidRequest(f"{run_id!r} stands for several runs; give more of its characters.")
        if not rows:
            raise NotFound(f"There is no run {run_id!r}. `jupyter dataops runs list` shows those there are.")
        return _run(rows[0], self._actors)

    def of(self, run_ids: Collection[str]) -> Mapping[str, Run]:
        self._events.count()
        rows = self._connection.execute(held(self._connection, _BY_IDS), {"ids": list(run_ids)})
        return {row.id: _run(row, self._actors) for row in rows}

    def by_key(self, project: str, key: str) -> Run | None:
        hold(self._connection, "key", project, key)
        query = select(t.runs).where(t.runs.c.project == project, t.runs.c.key == key)
        row = self._connection.execute(query).one_or_none()
        return _run(row, self._actors) if row else None

    def part(self, parent_id: str, parent_key: str) -> Run | None:
        # The parent is held instead of the part, which may not be there yet.
        self._connection.execute(held(self._connection, _BY_IDS), {"ids": [parent_id]})
        query = select(t.runs).where(t.runs.c.parent_id == parent_id, t.runs.c.parent_key == parent_key)
        row = self._connection.execute(query).one_or_none()
        return _run(row, self._actors) if row else None

    def add(self, *runs: Run) -> None:
        self._connection.execute(_INSERT, [fitting(t.runs, _columns(run)) for run in runs])
        for run in runs:
            self._events.add(
                run_of(run.id), f"run.{run.state}", at=run.created_at, actor=run.created_by, revision=run.revision
            )

    def page(self, where: RunFilter, *, limit: int, cursor: str | None = None) -> Page[RunSummary]:
        return summaries.page(self._execute, where, limit=limit, cursor=cursor)

    def summaries(self, run_ids: Collection[str]) -> Sequence[RunSummary]:
        return summaries.with_ids(self._execute, run_ids)

    def last_of_jobs(self, job_ids: Collection[str]) -> Sequence[RunSummary]:
        return summaries.last_of_jobs(self._execute, job_ids)

    def _execute(self, statement: str, given: Mapping[str, Any]) -> Iterable[Row[Any]]:
        self._events.count()
        return self._connection.execute(text(statement), given)

    def newest_of(self, job_ids: Collection[str], *states: RunState) -> Sequence[Run]:
        given = {"jobs": list(job_ids), **({"states": [str(state) for state in states]} if states else {})}
        return [
            _run(row, self._actors) for row in self._connection.execute(_NEWEST_IN_STATES if states else _NEWEST, given)
        ]

    def in_state(self, *states: RunState) -> Sequence[Run]:
        rows = self._connection.execute(_IN_STATES, {"states": [str(state) for state in states]})
        return [_run(row, self._actors) for row in rows]

    def move(self, before: Run, after: Run) -> None:
        self.move_all([(before, after)])

    def move_all(self, moves: Sequence[tuple[Run, Run]]) -> None:
        rows = [{**_of_state(after), "of_run": before.id, "of_state": before.state} for before, after in moves]
        if self._connection.execute(_MOVE, rows).rowcount != len(moves):
            were = ", ".join(f"run {before.id} {before.state}" for before, _ in moves)
            raise StaleWrite(f"No longer so, in whole or in part: {were}.")
        for _, after in moves:
            at = after.finished_at or after.started_at or after.created_at
            self._events.add(run_of(after.id), f"run.{after.state}", at=at)

    def request_cancel(self, run_id: str, *, at: dt.datetime, by: Actor) -> None:
        noted = self._connection.execute(
            update(t.runs).where(t.runs.c.id == run_id, t.runs.c.cancel_requested_at.is_(None)),
            fitting(t.runs, {"cancel_requested_at": at, "cancel_requested_by": by}),
        )
        if noted.rowcount == 1:
            self._events.add(run_of(run_id), "run.cancel_requested", at=at, actor=by)

    def cancels(self, run_ids: Collection[str]) -> Mapping[str, CancelRequest]:
        rows = self._connection.execute(held(self._connection, _CANCELS), {"ids": list(run_ids)})
        return {run_id: CancelRequest(at, self._actors.get(by)) for run_id, at, by in rows if at is not None}

    def keep(self, run_id: str, *, at: dt.datetime, by: Actor) -> None:
        self._keep(run_id, {"kept_at": at, "kept_by": by}, t.runs.c.kept_at.is_(None), "run.kept", at, by)

    def unkeep(self, run_id: str, *, at: dt.datetime, by: Actor) -> None:
        self._keep(run_id, dict.fromkeys(_KEPT), t.runs.c.kept_at.is_not(None), "run.unkept", at, by)

    def _keep(
        self, run_id: str, row: dict[str, Any], where: ColumnElement[bool], kind: str, at: dt.datetime, by: Actor
    ) -> None:
        changed = self._connection.execute(update(t.runs).where(t.runs.c.id == run_id, where), fitting(t.runs, row))
        if changed.rowcount == 1:
            self._events.add(run_of(run_id), kind, at=at, actor=by)

    def delete(self, run_ids: Sequence[str], *, at: dt.datetime, by: Actor) -> Sequence[str]:
        may_go = and_(t.runs.c.id.in_(run_ids), t.runs.c.state.in_(ENDED), not_(is_protected()))
        chosen = self._connection.scalars(held(self._connection, select(t.runs.c.id).where(may_go))).all()
        gone = [*chosen, *self._connection.scalars(_PARTS, {"run_ids": chosen})]
        of_these = and_(t.events.c.subject_kind == SubjectKind.RUN, t.events.c.subject_id.in_(gone))
        self._connection.execute(delete(t.events).where(of_these))
        for table in (t.reports, t.records, t.attempts, t.pipeline_steps, t.pipeline_runs):
            self._connection.execute(delete(table).where(table.c.run_id.in_(gone)))
        self._connection.execute(delete(t.runs).where(t.runs.c.id.in_(gone)))
        for run_id in gone:
            self._events.add(run_of(run_id), "run.deleted", at=at, actor=by)
        return gone

    def on_image(self, name: str, since: dt.datetime) -> Sequence[Run]:
        # Ids begin with their time: so the key finds the rows since then, without a walk over all runs.
        c = t.runs.c
        first = str(ULID.from_datetime(since))[:10].ljust(26, "0")
        query = select(t.runs).where(c.id >= first, c.image["name"].as_string() == name).order_by(c.id.desc())
        return [_run(row, self._actors) for row in self._connection.execute(query)]

    def counts(self) -> Mapping[RunState, int]:
        alive = [str(state) for state in RunState if not state.is_terminal]
        return {RunState(state): count for state, count in self._connection.execute(_COUNTS, {"states": alive})}


_KEPT = ("kept_at", "kept_by")

_C = t.runs.c
_INSERT = insert(t.runs)
_MOVE = update(t.runs).where(_C.id == bindparam("of_run"), _C.state == bindparam("of_state"))
_BY_IDS = select(t.runs).where(_C.id.in_(bindparam("ids", expanding=True)))
_CANCELS = select(_C.id, _C.cancel_requested_at, _C.cancel_requested_by).where(
    _C.id.in_(bindparam("ids", expanding=True))
)
_AMONG_STATES = _C.state.in_(bindparam("states", expanding=True))
_IN_STATES = select(t.runs).where(_AMONG_STATES).order_by(_C.id)
_NEWEST_IDS = select(func.max(_C.id)).where(_C.job_id.in_(bindparam("jobs", expanding=True))).group_by(_C.job_id)
_NEWEST = select(t.runs).where(_C.id.in_(_NEWEST_IDS))
_NEWEST_IN_STATES = select(t.runs).where(_C.id.in_(_NEWEST_IDS.where(_AMONG_STATES)))
_PARTS = select(_C.id).where(_C.parent_id.in_(bindparam("run_ids", expanding=True)))
_COUNTS = select(_C.state, func.count()).where(_AMONG_STATES).group_by(_C.state)


def _of_state(run: Run) -> dict[str, Any]:
    # Only these columns: the engine moves states while people write intents, and neither may undo the other.
    return {
        "state": run.state,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "nothing_to_do": run.nothing_to_do,
        "with_failures": run.with_failures,
        **_said(run.reason),
    }


def _said(reason: Reason | None) -> dict[str, Any]:
    stored = reasons.to_json(reason)
    return {"reason": stored, "said": stored["message"][: t.SAID_LENGTH] if stored else None}


def _columns(run: Run) -> dict[str, Any]:
    return {
        **{name: value for name, value in vars(run).items() if name not in ("settings", "trigger")},
        **vars(run.settings),
        "turn": turn_of(run.created_at, run.settings.priority),
        "parent_step": split_parent_key(run.parent_key)[0] if run.parent_key else None,
        "kernel": asdict(run.kernel) if run.kernel else None,
        "trigger_kind": run.trigger.kind,
        "trigger_ref": run.trigger.ref,
        **_said(run.reason),
        "origin": asdict(run.origin),
        "findings": [asdict(finding) for finding in run.findings],
        "image": asdict(run.image) if run.image else None,
        "resources": asdict(run.resources),
    }


def _run(row: Row[Any], actors: SqlActors) -> Run:
    values = dict(row._mapping)
    del values["said"], values["turn"], values["parent_step"]
    settings = taken_from(values, RunSettings)
    kernel = values["kernel"]
    trigger = Trigger(TriggerKind(values.pop("trigger_kind")), values.pop("trigger_ref"))
    return Run(
        **{
            **values,
            "state": RunState(values["state"]),
            "settings": settings,
            **{name: actors.find(values[name]) for name in ("created_by", "cancel_requested_by", "kept_by")},
            "kind": JobKind(values["kind"]),
            "trigger": trigger,
            "kernel": known(KernelChoice, {**kernel, "argv": tuple(kernel["argv"])}) if kernel else None,
            "reason": reasons.from_json(values["reason"]),
            "origin": known(Origin, values["origin"]),
            "findings": tuple(known(Finding, {**f, "severity": Severity(f["severity"])}) for f in values["findings"]),
            "image": known(RunImage, values["image"]) if values["image"] else None,
            "resources": known(Resources, values["resources"]),
        }
    )
