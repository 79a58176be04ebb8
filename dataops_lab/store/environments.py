from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, insert, select, update

from ..domain.actors import Actor
from ..domain.audit import changes
from ..domain.environments import DockerSettings, Environment, ExecutorKind, Mount, Resources, RunLimits
from ..domain.events import Subject, SubjectKind
from ..errors import UnknownEnvironment
from . import tables as t
from .actors import SqlActors
from .events import SqlEvents
from .locks import advisory_lock
from .rows import check_lengths

_COLUMNS = ("name", "position", "revision", "changed_at", "changed_by")
"""The fields of an environment that are columns; its definition holds the others."""


class SqlEnvironments:
    def __init__(self, connection: Connection, actors: SqlActors, events: SqlEvents) -> None:
        self._connection = connection
        self._actors = actors
        self._events = events

    def get(self, name: str) -> Environment:
        advisory_lock(self._connection, "environment", name)
        row = self._connection.execute(_BY_NAME, {"name": name}).one_or_none()
        if row is None:
            names = [environment.name for environment in self.all()]
            raise UnknownEnvironment(
                f"There is no environment {name!r}. There is: {', '.join(names)}.", environments=names
            )
        return _environment(row, self._actors)

    def all(self) -> Sequence[Environment]:
        return [_environment(row, self._actors) for row in self._connection.execute(_ALL)]

    def put(self, environment: Environment, *, at: dt.datetime, by: Actor) -> Environment:
        definition = {key: value for key, value in asdict(environment).items() if key not in _COLUMNS}
        row = {"position": environment.position, "definition": definition, "changed_at": at, "changed_by": by}
        advisory_lock(self._connection, "environment", environment.name)
        before = self._connection.execute(_BY_NAME, {"name": environment.name}).one_or_none()
        c = t.environments.c
        changed = self._connection.execute(
            update(t.environments).where(c.name == environment.name).values(**row, revision=c.revision + 1)
        )
        if changed.rowcount == 0:
            added = {**row, "name": environment.name, "revision": 1}
            self._connection.execute(insert(t.environments), check_lengths(t.environments, added))
        stored = self.get(environment.name)
        kind = "environment.added" if stored.revision == 1 else "environment.changed"
        after = {"position": environment.position, **definition}
        data = changes({"position": before.position, **before.definition} if before else None, after)
        self._events.add(_subject(stored.name), kind, at=at, actor=by, revision=stored.revision, data=data)
        return stored

    def remove(self, name: str, *, at: dt.datetime, by: Actor) -> None:
        self._connection.execute(delete(t.environments).where(t.environments.c.name == name))
        self._events.add(_subject(name), "environment.removed", at=at, actor=by)


_ALL = select(t.environments).order_by(t.environments.c.position, t.environments.c.name)
_BY_NAME = select(t.environments).where(t.environments.c.name == bindparam("name"))


def _subject(name: str) -> Subject:
    return Subject(SubjectKind.ENVIRONMENT, name)


def concurrency_limits(connection: Connection) -> dict[str, int | None]:
    """Read the number of attempts that may be alive at once in each environment; None: no limit."""
    return {row.name: row.definition["limits"]["concurrency"] for row in connection.execute(_ALL)}


def _environment(row: Row[Any], actors: SqlActors) -> Environment:
    definition = row.definition
    return Environment(
        **{
            **definition,
            "name": row.name,
            "position": row.position,
            "revision": row.revision,
            "changed_at": row.changed_at,
            "changed_by": actors.find(row.changed_by),
            "executor": ExecutorKind(definition["executor"]),
            "docker": DockerSettings(**definition["docker"]),
            "limits": RunLimits(
                **{**definition["limits"], "resources": Resources(**definition["limits"]["resources"])}
            ),
            "images": tuple(definition["images"]),
            "mounts": tuple(Mount(**mount) for mount in definition["mounts"]),
            "locked": tuple(definition["locked"]),
        }
    )
