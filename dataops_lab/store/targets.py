from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from ..domain.actors import Actor
from ..domain.events import Subject, SubjectKind
from ..domain.notifications import ChannelKind
from ..domain.targets import Target
from . import tables as t
from .actors import SqlActors
from .events import SqlEvents
from .locks import advisory_lock
from .rows import check_lengths


class SqlTargets:
    def __init__(self, connection: Connection, actors: SqlActors, events: SqlEvents) -> None:
        self._connection = connection
        self._actors = actors
        self._events = events

    def find(self, name: str) -> Target | None:
        row = self._connection.execute(_BY_NAME, {"name": name}).one_or_none()
        return _target(row, self._actors) if row else None

    def all(self) -> Sequence[Target]:
        return [_target(row, self._actors) for row in self._connection.execute(_ALL)]

    def lock(self, name: str) -> Target | None:
        advisory_lock(self._connection, "target", name)
        return self.find(name)

    def put(self, target: Target, *, at: dt.datetime, by: Actor) -> Target:
        definition = {
            "channel": target.channel,
            "place": target.place,
            "description": target.description,
            "environments": list(target.environments),
            "domains": list(target.domains),
            "enabled": target.enabled,
        }
        row = {"definition": definition, "changed_at": at, "changed_by": by}
        c = t.targets.c
        changed = self._connection.execute(
            update(t.targets).where(c.name == target.name).values(**row, revision=c.revision + 1)
        )
        if changed.rowcount == 0:
            added = {**row, "name": target.name, "revision": 1}
            self._connection.execute(insert(t.targets), check_lengths(t.targets, added))
        stored = self.find(target.name)
        assert stored is not None
        kind = "target.added" if stored.revision == 1 else "target.changed"
        self._events.add(_subject(stored.name), kind, at=at, actor=by, revision=stored.revision)
        return stored

    def remove(self, name: str, *, at: dt.datetime, by: Actor) -> None:
        self._connection.execute(delete(t.targets).where(t.targets.c.name == name))
        self._events.add(_subject(name), "target.removed", at=at, actor=by)


_ALL = select(t.targets).order_by(t.targets.c.name)
_BY_NAME = select(t.targets).where(t.targets.c.name == bindparam("name"))


def _subject(name: str) -> Subject:
    return Subject(SubjectKind.TARGET, name)


def _target(row: Row[Any], actors: SqlActors) -> Target:
    definition = row.definition
    return Target(
        name=row.name,
        channel=ChannelKind(definition["channel"]),
        place=definition["place"],
        description=definition["description"],
        environments=tuple(definition["environments"]),
        domains=tuple(definition["domains"]),
        enabled=definition["enabled"],
        revision=row.revision,
        changed_at=row.changed_at,
        changed_by=actors.find(row.changed_by),
    )
