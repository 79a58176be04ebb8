from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, or_, select, update

from ..domain.actors import Actor
from ..domain.audit import changes
from ..domain.events import Subject, SubjectKind
from ..domain.plans import Plan
from ..domain.schedules import AfterJob, Pause, Schedule, rule_kind, settings_from_json, settings_to_json
from ..errors import NotFound, StaleWrite
from ..ports import Page, SeenFiles
from . import tables as t
from .actors import SqlActors
from .events import SqlEvents
from .locks import with_row_lock
from .pages import page_of
from .plans import plan_columns, planned_step
from .rows import check_lengths


class SqlSchedules:
    def __init__(self, connection: Connection, actors: SqlActors, events: SqlEvents) -> None:
        self._connection = connection
        self._actors = actors
        self._events = events

    def get(self, name: str) -> Schedule:
        query = with_row_lock(self._connection, _BY_NAME)
        rows = self._connection.execute(query, {"name": name}).all()
        # An id wins over a schedule that somebody has given the id of another one as its name.
        found = sorted(rows, key=lambda row: row.id != name)
        if not found:
            raise NotFound(f"There is no schedule {name!r}. `jupyter dataops schedule list` shows those there are.")
        return self._schedule(found[0])

    def find_by_name(self, project: str, name: str) -> Schedule | None:
        row = self._connection.execute(select(*_COLUMNS).where(_S.project == project, _S.name == name)).one_or_none()
        return self._schedule(row) if row else None

    def find_by_hook(self, hook_id: str) -> Schedule | None:
        row = self._connection.execute(_BY_HOOK, {"hook_id": hook_id}).one_or_none()
        return self._schedule(row) if row else None

    def get_many(self, ids: Collection[str]) -> Mapping[str, Schedule]:
        query = with_row_lock(self._connection, _BY_IDS)
        return {row.id: self._schedule(row) for row in self._connection.execute(query, {"ids": sorted(set(ids))})}

    def page(self, *, limit: int, cursor: str | None = None, job_id: str | None = None) -> Page[Schedule]:
        query = select(*_COLUMNS)
        if job_id is not None:
            query = query.where(_S.job_id == job_id)
        return page_of(self._connection, query, _S.id, self._schedule, limit=limit, cursor=cursor)

    def add(self, schedule: Schedule, plan: Plan) -> None:
        self._connection.execute(insert(t.schedules), check_lengths(t.schedules, _columns(schedule)))
        self._put_plan(schedule.id, plan)
        self._event(None, schedule, "schedule.added", at=schedule.created_at, by=schedule.created_by)

    def get_plan(self, schedule_id: str) -> Plan:
        inherited = self._connection.scalar(select(_S.inherited).where(_S.id == schedule_id)) or {}
        rows = self._connection.execute(_PLAN, {"schedule_id": schedule_id})
        return {row.step_id: planned_step(row, inherited) for row in rows}

    def change(
        self, schedule: Schedule, kind: str, *, at: dt.datetime, by: Actor, plan: Plan | None = None
    ) -> Schedule:
        after = replace(schedule, revision=schedule.revision + 1, changed_at=at, changed_by=by)
        row = self._connection.execute(select(*_COLUMNS).where(_S.id == schedule.id)).one_or_none()
        before = self._schedule(row) if row else None
        query = update(t.schedules).where(_S.id == schedule.id, _S.revision == schedule.revision)
        if self._connection.execute(query, check_lengths(t.schedules, _columns(after))).rowcount != 1:
            raise StaleWrite("Somebody else has changed the schedule. Look at it again.", id=schedule.id)
        if plan is not None:
            self._connection.execute(delete(t.schedule_steps).where(_P.schedule_id == schedule.id))
            self._put_plan(schedule.id, plan)
        self._event(before, after, kind, at=at, by=by)
        return after

    def move_on(self, schedule: Schedule) -> None:
        columns = {name: getattr(schedule, name) for name in _COUNTED}
        self._connection.execute(_MOVE, {"of_schedule": schedule.id, **columns})

    def remove(self, schedule_id: str, *, at: dt.datetime, by: Actor) -> None:
        place = (_S.name, _S.project, _S.environment)
        row = self._connection.execute(select(*place).where(_S.id == schedule_id)).one_or_none()
        self._connection.execute(delete(t.ticks).where(t.ticks.c.schedule_id == schedule_id))
        self._connection.execute(delete(t.schedule_steps).where(_P.schedule_id == schedule_id))
        self._connection.execute(delete(t.schedules).where(_S.id == schedule_id))
        data = dict(row._mapping) if row else {}
        self._events.add(_subject(schedule_id), "schedule.removed", at=at, actor=by, data=data)

    def list_due(self, now: dt.datetime, *, limit: int) -> Sequence[Schedule]:
        rows = self._connection.execute(_DUE, {"now": now, "limit": limit})
        return [self._schedule(row) for row in rows]

    def next_wake_at(self) -> dt.datetime | None:
        found: dt.datetime | None = self._connection.scalar(_NEXT_WAKE)
        return found

    def list_after_jobs(self, job_ids: Collection[str]) -> Sequence[Schedule]:
        return [self._schedule(row) for row in self._connection.execute(_AFTER, {"jobs": sorted(set(job_ids))})]

    def following_jobs(self) -> Mapping[str, Sequence[str]]:
        found: defaultdict[str, list[str]] = defaultdict(list)
        for before, after in self._connection.execute(_FOLLOWING):
            found[before].append(after)
        return found

    def list_watching(self) -> Sequence[Schedule]:
        return [self._schedule(row) for row in self._connection.execute(_WATCHING)]

    def get_seen_files(self, schedule_id: str) -> SeenFiles | None:
        stored = self._connection.scalar(select(_S.seen_files).where(_S.id == schedule_id))
        return None if stored is None else {path: (size, changed) for path, (size, changed) in stored.items()}

    def put_seen_files(self, schedule_id: str, seen: SeenFiles | None) -> None:
        stored = None if seen is None else {path: list(sign) for path, sign in seen.items()}
        self._connection.execute(update(t.schedules).where(_S.id == schedule_id).values(seen_files=stored))

    def list_with_calendar(self, name: str) -> Sequence[Schedule]:
        query = select(*_COLUMNS).where(_S.calendar == name).order_by(_S.id)
        return [self._schedule(row) for row in self._connection.execute(with_row_lock(self._connection, query))]

    def count_active(self) -> int:
        return self._connection.scalar(_ACTIVE) or 0

    def _put_plan(self, schedule_id: str, plan: Plan) -> None:
        rows = [
            {"schedule_id": schedule_id, "step_id": step_id, "position": position, **plan_columns(planned)}
            for position, (step_id, planned) in enumerate(plan.items())
        ]
        self._connection.execute(insert(t.schedule_steps), rows)
        inherited = next((step.kernel.inherited for step in plan.values() if step.image is None), {})
        self._connection.execute(update(t.schedules).where(_S.id == schedule_id).values(inherited=dict(inherited)))

    def _event(self, before: Schedule | None, schedule: Schedule, kind: str, *, at: dt.datetime, by: Actor) -> None:
        place = {"name": schedule.name, "project": schedule.project, "environment": schedule.environment}
        data = {**place, "changes": changes(_audited(before) if before else None, _audited(schedule))}
        self._events.add(_subject(schedule.id), kind, at=at, actor=by, revision=schedule.revision, data=data)

    def _schedule(self, row: Row[Any]) -> Schedule:
        values = dict(row._mapping)
        paused_at, paused_by, why = (values.pop(name) for name in ("paused_at", "paused_by", "paused_why"))
        actors = {name: self._actors.get(values[name]) for name in ("owner", "created_by", "changed_by")}
        settings = settings_from_json(values["settings"])
        if followed := values.pop("after_job_id"):
            # Two jobs may have become one since it was set: the column knows.
            settings = replace(settings, rule=replace(settings.rule, job_id=followed))
        return Schedule(
            **{
                **values,
                **actors,
                "settings": settings,
                "pause": Pause(paused_at, self._actors.get(paused_by), why) if paused_at else None,
            }
        )


_S, _P = t.schedules.c, t.schedule_steps.c
_LOOKED_UP = ("rule_kind", "calendar", "seen_files", "inherited")
_COLUMNS = [column for column in t.schedules.c if column.name not in _LOOKED_UP]
_COUNTED = ("decided_until", "next_at", "wake_at", "failures", "refusal")
_BY_NAME = select(*_COLUMNS).where(or_(_S.id == bindparam("name"), _S.name == bindparam("name")))
_BY_HOOK = select(*_COLUMNS).where(_S.hook_id.is_not(None), _S.hook_id == bindparam("hook_id"))
_BY_IDS = select(*_COLUMNS).where(_S.id.in_(bindparam("ids", expanding=True))).order_by(_S.id)
_PLAN = select(t.schedule_steps).where(_P.schedule_id == bindparam("schedule_id")).order_by(_P.position)
_MOVE = update(t.schedules).where(_S.id == bindparam("of_schedule"))
_HAS_WAKE = _S.wake_at.is_not(None)
_DUE = (
    select(*_COLUMNS)
    .where(_HAS_WAKE, _S.wake_at <= bindparam("now"))
    .order_by(_S.wake_at, _S.id)
    .limit(bindparam("limit"))
)
_NEXT_WAKE = select(func.min(_S.wake_at)).where(_HAS_WAKE)
_AFTER = (
    select(*_COLUMNS)
    .where(
        _S.after_job_id.is_not(None),
        _S.after_job_id.in_(bindparam("jobs", expanding=True)),
        _S.paused_at.is_(None),
    )
    .order_by(_S.id)
)
_FOLLOWING = select(_S.after_job_id, _S.job_id).where(_S.after_job_id.is_not(None))
_WATCHING = select(*_COLUMNS).where(_S.rule_kind == "files", _S.paused_at.is_(None)).order_by(_S.id)
_EVENT_RULES = ("after_job", "files", "webhook")
_ACTIVE = (
    select(func.count())
    .select_from(t.schedules)
    .where(_S.paused_at.is_(None), or_(_HAS_WAKE, _S.rule_kind.in_(_EVENT_RULES)))
)


def _subject(schedule_id: str) -> Subject:
    return Subject(SubjectKind.SCHEDULE, schedule_id)


def _audited(schedule: Schedule) -> dict[str, Any]:
    """Return what the audit trail tells of a schedule."""
    return {
        **settings_to_json(schedule.settings),
        "name": schedule.name,
        "version": schedule.version_digest,
        "environment": schedule.environment,
        "owner": schedule.owner.id,
        "paused": schedule.pause.why if schedule.pause else None,
    }


def _columns(schedule: Schedule) -> dict[str, Any]:
    settings, pause = schedule.settings, schedule.pause
    values = {name: value for name, value in vars(schedule).items() if name not in ("settings", "pause")}
    return {
        **values,
        "settings": settings_to_json(settings),
        "rule_kind": rule_kind(settings.rule),
        "after_job_id": settings.rule.job_id if isinstance(settings.rule, AfterJob) else None,
        "calendar": settings.calendar,
        "paused_at": pause.at if pause else None,
        "paused_by": pause.by if pause else None,
        "paused_why": pause.why if pause else "",
    }
