from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection, Row, insert, or_, select, update

from ..domain.jobs import Job
from ..errors import InvalidRequest, NotFound
from ..ports import Page
from . import tables as t
from .fitting import fitting
from .locks import hold
from .pages import contains, page_of

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
        rows = self._connection.execute(select(t.jobs).where(t.jobs.c.id.in_(set(job_ids))))
        return {row.id: _job(row) for row in rows}

    def by_source(self, project: str, source: str) -> Job | None:
        hold(self._connection, "source", project, source)
        query = select(t.jobs).where(t.jobs.c.project == project, t.jobs.c.source == source)
        row = self._connection.execute(query).one_or_none()
        return _job(row) if row else None

    def add(self, job: Job) -> None:
        if len(job.source.encode(errors="replace")) > MAX_SOURCE_BYTES:
            raise InvalidRequest(f"The path is longer than {MAX_SOURCE_BYTES} bytes.")
        self._connection.execute(insert(t.jobs), fitting(t.jobs, vars(job)))

    def rename(self, job_id: str, name: str) -> None:
        self._connection.execute(update(t.jobs).where(t.jobs.c.id == job_id), fitting(t.jobs, {"name": name}))

    def page(self, *, limit: int, cursor: str | None = None, text: str | None = None) -> Page[Job]:
        query = select(t.jobs)
        if text:
            query = query.where(or_(contains(t.jobs.c.name, text), contains(t.jobs.c.source, text)))
        return page_of(self._connection, query, t.jobs.c.id, _job, limit=limit, cursor=cursor)


def _job(row: Row[tuple[object, ...]]) -> Job:
    return Job(**row._mapping)
