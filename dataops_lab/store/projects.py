from __future__ import annotations

from sqlalchemy import Connection, select, update

from ..domain.jobs import Project
from ..errors import NotFound
from . import tables as t
from .locks import held


class SqlProjects:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, name: str) -> Project:
        query = held(self._connection, select(t.projects).where(t.projects.c.name == name))
        row = self._connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"There is no project {name!r}. There is `default`.")
        return Project(**row._mapping)

    def change(self, project: Project) -> None:
        query = update(t.projects).where(t.projects.c.name == project.name)
        self._connection.execute(query.values(concurrency=project.concurrency, revision=t.projects.c.revision + 1))
