from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from ..domain.variables import Variable
from . import tables as t
from .actors import SqlActors
from .fitting import fitting
from .locks import hold


class SqlVariables:
    def __init__(self, connection: Connection, actors: SqlActors) -> None:
        self._connection = connection
        self._actors = actors

    def of(self, environment: str) -> Sequence[Variable]:
        rows = self._connection.execute(_OF_ENVIRONMENT, {"environment": environment})
        return [Variable(**{**row._mapping, "changed_by": self._actors.get(row.changed_by)}) for row in rows]

    def put(self, variable: Variable) -> None:
        hold(self._connection, "variable", variable.environment, variable.name)
        c = t.variables.c
        there = update(t.variables).where(c.environment == variable.environment, c.name == variable.name)
        row = fitting(t.variables, {name: value for name, value in vars(variable).items() if name != "revision"})
        if self._connection.execute(there.values(**row, revision=c.revision + 1)).rowcount == 0:
            self._connection.execute(insert(t.variables), row)

    def remove(self, environment: str, name: str) -> None:
        c = t.variables.c
        self._connection.execute(delete(t.variables).where(c.environment == environment, c.name == name))


_OF_ENVIRONMENT = (
    select(t.variables).where(t.variables.c.environment == bindparam("environment")).order_by(t.variables.c.name)
)
