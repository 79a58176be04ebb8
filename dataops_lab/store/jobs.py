from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, or_, select, update

from ..domain.jobs import Job
from ..domain.settings import GivenSettings
from ..errors import InvalidRequest, NotFound, StaleWrite
from ..ports import Page
from . import tables as t
from .fitting import fitting
from .locks import hold
from .pages import contains, page_of
from .settings import taken_from

MAX_SOURCE_BYTES = 2500
"""An index of PostgreSQL holds no more."""


class SqlJobs:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, job_id: str) -> Job:
        found = self.of([job_id])
        if job_id not in found:
            raise NotFound(f"There is no job {job_id!r}. `jupyter dataops runs list` names the jobs of all runs.")
        return found[job_id]

    def of(self, job_ids: Sequence[str]) -> Mapping[str, Job]:
        rows = self._connection.execute(_BY_IDS, {"ids": list(set(job_ids))})
        return {row.id: _job(row) for row in rows}

    def by_source(self, project: str, source: str) -> Job | None:
        hold(self._connection, "source", project, source)
        row = self._connection.execute(_BY_SOURCE, {"project": project, "source": source}).one_or_none()
        return _job(row) if row else None

    def add(self, job: Job) -> None:
        if len(job.source.encode(errors="replace")) > MAX_SOURCE_BYTES:
            raise InvalidRequest(f"The path is longer than {MAX_SOURCE_BYTES} bytes.")
        self._connection.execute(insert(t.jobs), fitting(t.jobs, _columns(job)))

    def rename(self, job_id: str, name: str) -> None:
        named = update(t.jobs).where(t.jobs.c.id == job_id).values(fitting(t.jobs, {"name": name}))
        self._connection.execute(named.values(revision=t.jobs.c.revision + 1))

    def change(self, job: Job) -> Job:
        after = replace(job, revision=job.revision + 1)
        query = update(t.jobs).where(t.jobs.c.id == job.id, t.jobs.c.revision == job.revision)
        if self._connection.execute(query, fitting(t.jobs, _columns(after))).rowcount != 1:
            raise StaleWrite("Somebody else has changed the job. Look at it again.", id=job.id)
        return after

    def page(self, *, limit: int, cursor: str | None = None, text: str | None = None) -> Page[Job]:
        query = select(t.jobs)
        if text:
            query = query.where(or_(contains(t.jobs.c.name, text), contains(t.jobs.c.source, text)))
        return page_of(self._connection, query, t.jobs.c.id, _job, limit=limit, cursor=cursor)


_BY_IDS = select(t.jobs).where(t.jobs.c.id.in_(bindparam("ids", expanding=True)))
_BY_SOURCE = select(t.jobs).where(t.jobs.c.project == bindparam("project"), t.jobs.c.source == bindparam("source"))


def _columns(job: Job) -> dict[str, Any]:
    return {**{name: value for name, value in vars(job).items() if name != "settings"}, **vars(job.settings)}


def _job(row: Row[tuple[object, ...]]) -> Job:
    values = dict(row._mapping)
    return Job(settings=taken_from(values, GivenSettings), **values)
