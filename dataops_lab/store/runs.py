from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    not_,
    select,
    text,
    update,
)
from ulid import ULID

from ..domain.actors import Actor
from ..domain.deserialization import from_known_fields
from ..domain.environments import Resources
from ..domain.events import SubjectKind, run_subject
from ..domain.images import RunImage
from ..domain.jobs import JobKind
from ..domain.pipelines import split_parent_key
from ..domain.queue import compute_turn
from ..domain.retention import ENDED
from ..domain.runs import CancelRequest, Reason, Run, RunState, RunSummary, Trigger, TriggerKind
from ..domain.settings import RunSettings
from ..domain.snapshots import Finding, KernelChoice, Severity
from ..domain.versions import Origin
from ..errors import InvalidRequest, NotFound, StaleWrite
from ..ports import EarlierEnd, Page, RunFilter
from . import reasons, summaries
from . import tables as t
from .actors import SqlActors
from .events import SqlEvents
from .filters import NO_COPY, NO_POINT
from .locks import advisory_lock, with_row_lock
from .retention import is_protected
from .rows import check_lengths
from .settings import pop_settings

SHORTEST_PREFIX = 6


class SqlRuns:
    def __init__(self, connection: Connection, events: SqlEvents, actors: SqlActors) -> None:
        self._connection = connection
        self._actors = actors
        self._events = events

    def get(self, run_id: str) -> Run:
        self._events.bump_revisions()
        rows = self._connection.execute(with_row_lock(self._connection, _BY_IDS), {"ids": [run_id]}).all()
        if not rows and SHORTEST_PREFIX <= len(run_id) <= 26 and run_id.isascii() and run_id.isalnum():
            # BETWEEN, because LIKE uses no index on either database.
            first, last = (run_id.upper().ljust(26, end) for end in "0Z")
            query = select(t.runs).where(t.runs.c.id.between(first, last)).limit(2)
            rows = self._connection.execute(with_row_lock(self._connection, query)).all()
        if len(rows) > 1:
            raise InvalidRequest(f"{run_id!r} stands for several runs; give more of its characters.")
        if not rows:
            raise NotFound(f"There is no run {run_id!r}. `jupyter dataops runs list` shows those there are.")
        return _run(rows[0], self._actors)

    def get_many(self, run_ids: Collection[str]) -> Mapping[str, Run]:
        self._events.bump_revisions()
        rows = self._connection.execute(with_row_lock(self._connection, _BY_IDS), {"ids": list(run_ids)})
        return {row.id: _run(row, self._actors) for row in rows}

    def find_by_key(self, project: str, key: str) -> Run | None:
        advisory_lock(self._connection, "key", project, key)
        query = select(t.runs).where(t.runs.c.project == project, t.runs.c.key == key)
        row = self._connection.execute(query).one_or_none()
        return _run(row, self._actors) if row else None

    def find_part(self, parent_id: str, parent_key: str) -> Run | None:
        # The parent is held instead of the part, which may not be there yet.
        self._connection.execute(with_row_lock(self._connection, _BY_IDS), {"ids": [parent_id]})
        query = select(t.runs).where(t.runs.c.parent_id == parent_id, t.runs.c.parent_key == parent_key)
        row = self._connection.execute(query).one_or_none()
        return _run(row, self._actors) if row else None

    def add(self, *runs: Run) -> None:
        self._connection.execute(_INSERT, [check_lengths(t.runs, _columns(run)) for run in runs])
        for run in runs:
            self._events.add(
                run_subject(run.id), f"run.{run.state}", at=run.created_at, actor=run.created_by, revision=run.revision
            )

    def page(self, where: RunFilter, *, limit: int, cursor: str | None = None) -> Page[RunSummary]:
        return summaries.page(self._execute, where, limit=limit, cursor=cursor)

    def summaries(self, run_ids: Collection[str]) -> Sequence[RunSummary]:
        return summaries.by_ids(self._execute, run_ids)

    def newest_summaries(self, job_ids: Collection[str]) -> Sequence[RunSummary]:
        return summaries.last_of_jobs(self._execute, job_ids)

    def _execute(self, statement: str, given: Mapping[str, Any]) -> Iterable[Row[Any]]:
        self._events.bump_revisions()
        return self._connection.execute(text(statement), given)

    def newest_per_job(self, job_ids: Collection[str], *states: RunState) -> Sequence[Run]:
        parameters = {"jobs": list(job_ids), **({"states": [str(state) for state in states]} if states else {})}
        return [
            _run(row, self._actors)
            for row in self._connection.execute(_NEWEST_IN_STATES if states else _NEWEST, parameters)
        ]

    def list_in_states(self, *states: RunState) -> Sequence[Run]:
        rows = self._connection.execute(_IN_STATES, {"states": [str(state) for state in states]})
        return [_run(row, self._actors) for row in rows]

    def list_earlier_ends(self, run: Run, *, limit: int) -> Sequence[EarlierEnd]:
        return self._ends_before(run.id, run.job_id, run.environment, limit)

    def list_last_ends(self, job_id: str, environment: str, *, limit: int) -> Sequence[EarlierEnd]:
        # No id comes after this text.
        return self._ends_before("~", job_id, environment, limit)

    def _ends_before(self, run_id: str, job_id: str, environment: str, limit: int) -> Sequence[EarlierEnd]:
        given = {"job": job_id, "environment": environment, "run": run_id, "limit": limit}
        return [
            EarlierEnd(
                RunState(row.state),
                (row.finished_at - row.started_at).total_seconds() if row.started_at and row.finished_at else None,
            )
            for row in self._connection.execute(_EARLIER_ENDS, given)
        ]

    def transition(self, before: Run, after: Run) -> None:
        self.transition_all([(before, after)])

    def transition_all(self, moves: Sequence[tuple[Run, Run]]) -> None:
        rows = [{**_state_columns(after), "of_run": before.id, "of_state": before.state} for before, after in moves]
        if self._connection.execute(_MOVE, rows).rowcount != len(moves):
            stale = ", ".join(f"run {before.id} {before.state}" for before, _ in moves)
            raise StaleWrite(f"No longer so, in whole or in part: {stale}.")
        for _, after in moves:
            at = after.finished_at or after.started_at or after.created_at
            self._events.add(run_subject(after.id), f"run.{after.state}", at=at)

    def request_cancel(self, run_id: str, *, at: dt.datetime, by: Actor) -> None:
        updated = self._connection.execute(
            update(t.runs).where(t.runs.c.id == run_id, t.runs.c.cancel_requested_at.is_(None)),
            check_lengths(t.runs, {"cancel_requested_at": at, "cancel_requested_by": by}),
        )
        if updated.rowcount == 1:
            self._events.add(run_subject(run_id), "run.cancel_requested", at=at, actor=by)

    def cancel_requests(self, run_ids: Collection[str]) -> Mapping[str, CancelRequest]:
        rows = self._connection.execute(with_row_lock(self._connection, _CANCELS), {"ids": list(run_ids)})
        return {run_id: CancelRequest(at, self._actors.get(by)) for run_id, at, by in rows if at is not None}

    def keep(self, run_id: str, *, at: dt.datetime, by: Actor) -> None:
        self._keep(run_id, {"kept_at": at, "kept_by": by}, t.runs.c.kept_at.is_(None), "run.kept", at, by)

    def unkeep(self, run_id: str, *, at: dt.datetime, by: Actor) -> None:
        self._keep(run_id, dict.fromkeys(_KEPT), t.runs.c.kept_at.is_not(None), "run.unkept", at, by)

    def _keep(
        self, run_id: str, row: dict[str, Any], where: ColumnElement[bool], kind: str, at: dt.datetime, by: Actor
    ) -> None:
        changed = self._connection.execute(
            update(t.runs).where(t.runs.c.id == run_id, where), check_lengths(t.runs, row)
        )
        if changed.rowcount == 1:
            self._events.add(run_subject(run_id), kind, at=at, actor=by)

    def delete(self, run_ids: Sequence[str], *, at: dt.datetime, by: Actor) -> Sequence[str]:
        deletable = and_(t.runs.c.id.in_(run_ids), t.runs.c.state.in_(ENDED), not_(is_protected()))
        place = (t.runs.c.project, t.runs.c.environment)
        query = with_row_lock(self._connection, select(t.runs.c.id, *place).where(deletable))
        places = {
            row.id: {"project": row.project, "environment": row.environment} for row in self._connection.execute(query)
        }
        deleted_ids = list(places)
        all_ids = [*deleted_ids, *self._connection.scalars(_PARTS, {"run_ids": deleted_ids})]
        events_of_runs = and_(t.events.c.subject_kind == SubjectKind.RUN, t.events.c.subject_id.in_(all_ids))
        self._connection.execute(delete(t.events).where(events_of_runs))
        for table in (t.publications, t.reports, t.records, t.attempts, t.pipeline_steps, t.pipeline_runs):
            self._connection.execute(delete(table).where(table.c.run_id.in_(all_ids)))
        self._connection.execute(delete(t.runs).where(t.runs.c.id.in_(all_ids)))
        for run_id in all_ids:
            data = places.get(run_id, {"part": True})
            self._events.add(run_subject(run_id), "run.deleted", at=at, actor=by, data=data)
        return deleted_ids

    def list_on_image(self, name: str, since: dt.datetime) -> Sequence[Run]:
        # Ids begin with their time: so the key finds the rows since then, without a walk over all runs.
        c = t.runs.c
        first = str(ULID.from_datetime(since))[:10].ljust(26, "0")
        query = select(t.runs).where(c.id >= first, c.image["name"].as_string() == name).order_by(c.id.desc())
        return [_run(row, self._actors) for row in self._connection.execute(query)]

    def count_by_state(self, *, without: Collection[JobKind] = ()) -> Mapping[RunState, int]:
        states = [str(state) for state in RunState if not state.is_terminal]
        rows = self._connection.execute(_COUNTS, {"states": states, "without": [str(kind) for kind in without]})
        return {RunState(state): count for state, count in rows}


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


def _newest(*conditions: ColumnElement[bool]) -> Select[Any]:
    """Build the query for the newest run of each job. A walk for each job ends at that run."""
    # A sweep is one run of its job, whatever its points do. A copy of a result ran in another run.
    newest = (
        select(_C.id)
        .where(_C.job_id == t.jobs.c.id, text(NO_POINT), text(NO_COPY), *conditions)
        .order_by(_C.id.desc())
        .limit(1)
        .correlate(t.jobs)
        .scalar_subquery()
    )
    return select(t.runs).where(_C.id.in_(select(newest).where(t.jobs.c.id.in_(bindparam("jobs", expanding=True)))))


_NEWEST = _newest()
_NEWEST_IN_STATES = _newest(_AMONG_STATES)
_EARLIER_ENDS = (
    select(_C.state, _C.started_at, _C.finished_at)
    .where(
        _C.job_id == bindparam("job"),
        text(NO_POINT),
        _C.environment == bindparam("environment"),
        _C.parent_id.is_(None),
        _C.id < bindparam("run"),
        _C.state.in_([str(state) for state in ENDED]),
        _C.trigger_kind.not_in([str(TriggerKind.TRIAL), str(TriggerKind.TAKEN_OVER), str(TriggerKind.BACKFILL)]),
    )
    .order_by(_C.id.desc())
    .limit(bindparam("limit"))
)
_PARTS = select(_C.id).where(_C.parent_id.in_(bindparam("run_ids", expanding=True)))
_COUNTS = (
    select(_C.state, func.count())
    .where(_AMONG_STATES, _C.kind.not_in(bindparam("without", expanding=True)))
    .group_by(_C.state)
)


def _state_columns(run: Run) -> dict[str, Any]:
    # Only these columns: the engine moves states while people write intents, and neither may undo the other.
    return {
        "state": run.state,
        "started_at": run.started_at,
        "finished_at": run.finished_at,
        "nothing_to_do": run.nothing_to_do,
        "with_failures": run.with_failures,
        **_reason_columns(run.reason),
    }


def _reason_columns(reason: Reason | None) -> dict[str, Any]:
    stored = reasons.to_json(reason)
    return {"reason": stored, "said": stored["message"][: t.REASON_EXCERPT_LENGTH] if stored else None}


def _columns(run: Run) -> dict[str, Any]:
    return {
        **{name: value for name, value in vars(run).items() if name not in ("settings", "trigger")},
        **vars(run.settings),
        "turn": compute_turn(run.created_at, run.settings.priority),
        "parent_step": split_parent_key(run.parent_key)[0] if run.parent_key else None,
        "kernel": asdict(run.kernel) if run.kernel else None,
        "trigger_kind": run.trigger.kind,
        "trigger_ref": run.trigger.ref,
        **_reason_columns(run.reason),
        "origin": asdict(run.origin),
        "findings": [asdict(finding) for finding in run.findings],
        "image": asdict(run.image) if run.image else None,
        "resources": asdict(run.resources),
    }


def _run(row: Row[Any], actors: SqlActors) -> Run:
    values = dict(row._mapping)
    del values["said"], values["turn"], values["parent_step"]
    settings = pop_settings(values, RunSettings)
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
            "kernel": from_known_fields(KernelChoice, {**kernel, "argv": tuple(kernel["argv"])}) if kernel else None,
            "reason": reasons.from_json(values["reason"]),
            "origin": from_known_fields(Origin, values["origin"]),
            "findings": tuple(
                from_known_fields(Finding, {**finding, "severity": Severity(finding["severity"])})
                for finding in values["findings"]
            ),
            "image": from_known_fields(RunImage, values["image"]) if values["image"] else None,
            "resources": from_known_fields(Resources, values["resources"]),
        }
    )
