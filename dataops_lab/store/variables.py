from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from ..domain.actors import Actor
from ..domain.events import Subject, SubjectKind
from ..domain.variables import Variable
from . import tables as t
from .actors import SqlActors
from .events import SqlEvents
from .locks import advisory_lock
from .rows import check_lengths


class SqlVariables:
    def __init__(self, connection: Connection, actors: SqlActors, events: SqlEvents) -> None:
        self._connection = connection
        self._actors = actors
        self._events = events

    def list_for_environment(self, environment: str) -> Sequence[Variable]:
        rows = self._connection.execute(_OF_ENVIRONMENT, {"environment": environment})
        return [Variable(**{**row._mapping, "changed_by": self._actors.get(row.changed_by)}) for row in rows]

    def put(self, variable: Variable) -> None:
        advisory_lock(self._connection, "variable", variable.environment, variable.name)
        c = t.variables.c
        existing_row = update(t.variables).where(c.environment == variable.environment, c.name == variable.name)
        row = check_lengths(t.variables, {name: value for name, value in vars(variable).items() if name != "revision"})
        statement = existing_row.values(**row, revision=c.revision + 1).returning(c.revision)
        revision = self._connection.scalar(statement) or 1
        if revision == 1:
            self._connection.execute(insert(t.variables), row)
        subject = _subject(variable.environment, variable.name)
        at, by = variable.changed_at, variable.changed_by
        self._events.add(subject, "variable.set", at=at, actor=by, revision=revision)

    def remove(self, environment: str, name: str, *, at: dt.datetime, by: Actor) -> None:
        c = t.variables.c
        self._connection.execute(delete(t.variables).where(c.environment == environment, c.name == name))
        self._events.add(_subject(environment, name), "variable.removed", at=at, actor=by)


def _subject(environment: str, name: str) -> Subject:
    return Subject(SubjectKind.VARIABLE, f"{environment}/{name}")


_OF_ENVIRONMENT = (
    select(t.variables).where(t.variables.c.environment == bindparam("environment")).order_by(t.variables.c.name)
)
