from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, insert, not_, or_, select, update

from ..domain.actors import Actor
from ..domain.events import Subject, SubjectKind
from ..domain.retention import RetentionRule, Scope
from ..domain.runs import RunState
from . import tables as t
from .events import SqlEvents
from .fitting import fitting

_RULES = Subject(SubjectKind.RETENTION, "rules")


def is_protected() -> ColumnElement[bool]:
    """Build the condition for runs that nothing deletes: those that somebody keeps.

    Runs that are deployed or reviewed will be protected here too.
    """
    return t.runs.c.kept_at.is_not(None)


def is_used() -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    """Build the conditions for versions that a run has, and for those that a step has which may still start."""
    v, r, s = t.versions.c, t.runs.c, t.pipeline_steps.c
    return (
        exists().where(r.job_id == v.job_id, r.version_digest == v.digest),
        exists().where(s.job_id == v.job_id, s.version_digest == v.digest),
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
        before = {(row.environment, row.state): row for row in self._connection.execute(select(t.retention_rules))}
        self._connection.execute(delete(t.retention_rules))
        for rule in rules:
            row = {"environment": rule.environment or "", "state": str(rule.state or "")}
            limits = {"days": rule.days, "last": rule.last}
            changed = {"revision": 1, "changed_at": at, "changed_by": by}
            if was := before.get((row["environment"], row["state"])):
                if (was.days, was.last) == (rule.days, rule.last):
                    changed = {name: was._mapping[name] for name in changed}
                else:
                    changed["revision"] = was.revision + 1
            added = {**row, **limits, **changed}
            self._connection.execute(insert(t.retention_rules), fitting(t.retention_rules, added))
        told = [[rule.environment, rule.state, rule.days, rule.last] for rule in rules]
        self._events.add(_RULES, "retention.changed", at=at, actor=by, data={"rules": told})

    def due(self, scope: Scope, *, now: dt.datetime) -> Iterator[str]:
        c = t.runs.c
        within = and_(
            c.state.in_([str(state) for state in scope.states]),
            c.environment == scope.environment if scope.environment else not_(c.environment.in_(scope.other_than)),
        )
        within = and_(within, c.parent_id.is_(None))
        goes = and_(c.finished_at < scope.ended_before(now), not_(is_protected()))
        query = select(c.id).where(within, goes).order_by(c.id)
        if scope.rule.last is not None:
            newer = func.row_number().over(partition_by=(c.job_id, c.environment), order_by=c.id.desc())
            ranked = select(c.id, newer.label("place")).where(within).subquery()
            places = select(ranked.c.id).where(ranked.c.place > scope.rule.last)
            query = select(c.id).where(goes, c.id.in_(places)).order_by(c.id)
        yield from self._connection.execution_options(yield_per=1000).scalars(query)

    def unused_versions(self) -> Sequence[tuple[str, str]]:
        v, newest = t.versions.c, t.versions.alias()
        used = or_(*is_used())
        last = select(func.max(newest.c.number)).where(newest.c.job_id == v.job_id).scalar_subquery()
        query = select(v.job_id, v.digest).where(not_(used), v.number < last).order_by(v.job_id, v.number)
        return [(row.job_id, row.digest) for row in self._connection.execute(query)]

    def done_at(self, chore: str) -> dt.datetime | None:
        return self._connection.scalar(select(t.chores.c.done_at).where(t.chores.c.name == chore))

    def note_done(self, chore: str, *, at: dt.datetime) -> None:
        changed = self._connection.execute(update(t.chores).where(t.chores.c.name == chore), {"done_at": at})
        if changed.rowcount == 0:
            self._connection.execute(insert(t.chores), {"name": chore, "done_at": at})


def _rule(row: Row[Any]) -> RetentionRule:
    state = RunState(row.state) if row.state else None
    return RetentionRule(row.environment or None, state, days=row.days, last=row.last, revision=row.revision)
