from __future__ import annotations

import datetime as dt
from dataclasses import replace

from sqlalchemy import Connection, select, update

from ..domain.actors import Actor
from ..domain.audit import changes
from ..domain.events import Subject, SubjectKind
from ..domain.jobs import Project
from ..errors import NotFound
from . import tables as t
from .events import SqlEvents
from .locks import with_row_lock


class SqlProjects:
    def __init__(self, connection: Connection, events: SqlEvents) -> None:
        self._connection = connection
        self._events = events

    def get(self, name: str) -> Project:
        query = with_row_lock(self._connection, select(t.projects).where(t.projects.c.name == name))
        row = self._connection.execute(query).one_or_none()
        if row is None:
            raise NotFound(f"There is no project {name!r}. There is `default`.")
        return Project(**row._mapping)

    def change(self, project: Project, *, at: dt.datetime, by: Actor) -> Project:
        concurrency = t.projects.c.concurrency
        before = self._connection.scalar(select(concurrency).where(t.projects.c.name == project.name))
        query = update(t.projects).where(t.projects.c.name == project.name)
        revision = t.projects.c.revision
        statement = query.values(concurrency=project.concurrency, revision=revision + 1).returning(revision)
        stored = replace(project, revision=self._connection.execute(statement).scalar_one())
        subject = Subject(SubjectKind.PROJECT, project.name)
        data = changes({"concurrency": before}, {"concurrency": project.concurrency})
        self._events.add(subject, "project.changed", at=at, actor=by, revision=stored.revision, data=data)
        return stored
