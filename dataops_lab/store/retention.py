from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, insert, not_, or_, select, update

from ..domain.actors import Actor
from ..domain.events import Subject, SubjectKind
from ..domain.retention import RetentionRule, RetentionScope
from ..domain.runs import RunState
from . import tables as t
from .events import SqlEvents
from .rows import check_lengths

_RULES = Subject(SubjectKind.RETENTION, "rules")


def is_protected() -> ColumnElement[bool]:
    """Build the condition for runs that nothing deletes: those that somebody keeps.

    Runs that are deployed or reviewed will be protected here too.
    """
    return t.runs.c.kept_at.is_not(None)


VERSION_USERS = (t.runs, t.pipeline_steps, t.schedules, t.schedule_steps)
"""The tables whose rows keep the version that they name. A step may still start, and a schedule will."""


def is_used() -> tuple[ColumnElement[bool], ...]:
    """Build the conditions for versions that a row of these tables has."""
    v = t.versions.c
    return tuple(
        exists().where(table.c.job_id == v.job_id, table.c.version_digest == v.digest) for table in VERSION_USERS
    )


class SqlRetention:
    def __init__(self, connection: Connection, events: SqlEvents) -> None:
        self._connection = connection
        self._events = events

    def rules(self) -> Sequence[RetentionRule]:
        c = t.retention_rules.c
        return [
            _rule(row) for row in self._connection.execute(select(t.retention_rules).order_by(c.environment, c.state))
        ]

    def put(self, rules: Sequence[RetentionRule], *, at: dt.datetime, by: Actor) -> None:
        previous_rows = {
            (row.environment, row.state): row for row in self._connection.execute(select(t.retention_rules))
        }
        rules_before = [[rule.environment, rule.state, rule.days, rule.last] for rule in self.rules()]
        self._connection.execute(delete(t.retention_rules))
        for rule in rules:
            row = {"environment": rule.environment or "", "state": str(rule.state or "")}
            limits = {"days": rule.days, "last": rule.last}
            changed = {"revision": 1, "changed_at": at, "changed_by": by}
            if previous := previous_rows.get((row["environment"], row["state"])):
                if (previous.days, previous.last) == (rule.days, rule.last):
                    changed = {name: previous._mapping[name] for name in changed}
                else:
                    changed["revision"] = previous.revision + 1
            added = {**row, **limits, **changed}
            self._connection.execute(insert(t.retention_rules), check_lengths(t.retention_rules, added))
        event_rules = [[rule.environment, rule.state, rule.days, rule.last] for rule in rules]
        data = {"from": rules_before, "rules": event_rules}
        self._events.add(_RULES, "retention.changed", at=at, actor=by, data=data)

    def list_due(self, scope: RetentionScope, *, now: dt.datetime) -> Iterator[str]:
        c = t.runs.c
        in_scope = and_(
            c.state.in_([str(state) for state in scope.states]),
            c.environment == scope.environment
            if scope.environment
            else not_(c.environment.in_(scope.excluded_environments)),
        )
        in_scope = and_(in_scope, c.parent_id.is_(None))
        deletable = and_(c.finished_at < scope.ended_before(now), not_(is_protected()))
        query = select(c.id).where(in_scope, deletable).order_by(c.id)
        if scope.rule.last is not None:
            rank = func.row_number().over(partition_by=(c.job_id, c.environment), order_by=c.id.desc())
            ranked = select(c.id, rank.label("place")).where(in_scope).subquery()
            beyond_last = select(ranked.c.id).where(ranked.c.place > scope.rule.last)
            query = select(c.id).where(deletable, c.id.in_(beyond_last)).order_by(c.id)
        yield from self._connection.execution_options(yield_per=1000).scalars(query)

    def unused_versions(self) -> Sequence[tuple[str, str]]:
        v, newest = t.versions.c, t.versions.alias()
        used = or_(*is_used())
        last = select(func.max(newest.c.number)).where(newest.c.job_id == v.job_id).scalar_subquery()
        query = select(v.job_id, v.digest).where(not_(used), v.number < last).order_by(v.job_id, v.number)
        return [(row.job_id, row.digest) for row in self._connection.execute(query)]

    def task_done_at(self, task: str) -> dt.datetime | None:
        return self._connection.scalar(select(t.chores.c.done_at).where(t.chores.c.name == task))

    def record_task_done(self, task: str, *, at: dt.datetime) -> None:
        changed = self._connection.execute(update(t.chores).where(t.chores.c.name == task), {"done_at": at})
        if changed.rowcount == 0:
            self._connection.execute(insert(t.chores), {"name": task, "done_at": at})


def _rule(row: Row[Any]) -> RetentionRule:
    state = RunState(row.state) if row.state else None
    return RetentionRule(row.environment or None, state, days=row.days, last=row.last, revision=row.revision)
