from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    bindparam,
    case,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    tuple_,
    update,
)

from ..domain.jobs import Job, JobKind
from ..domain.settings import GivenSettings
from ..errors import NotFound, StaleWrite
from ..ports import Page
from . import tables as t
from .actors import SqlActors
from .locks import with_row_lock
from .pages import contains, page_of
from .paths import check_path, is_below
from .rows import check_lengths
from .settings import pop_settings


class SqlJobs:
    """The jobs. Their sources are paths below the roots of the machine `host`, where it knows them."""

    def __init__(self, connection: Connection, host: str, actors: SqlActors) -> None:
        self._connection = connection
        self._actors = actors
        self._host = host

    def get(self, job_id: str) -> Job:
        jobs = self.get_many([job_id])
        if job_id not in jobs:
            raise NotFound(f"There is no job {job_id!r}. `jupyter dataops runs list` names the jobs of all runs.")
        return jobs[job_id]

    def get_many(self, job_ids: Collection[str]) -> Mapping[str, Job]:
        rows = self._connection.execute(_BY_IDS, {"ids": list(set(job_ids)), "host": self._host})
        return {row.id: _job(row, self._actors) for row in rows}

    def lock_by_path(self, project: str, places: Collection[tuple[str, str]]) -> Mapping[tuple[str, str], Job]:
        parameters = {"project": project, "places": list(places), "host": self._host}
        rows = self._connection.execute(with_row_lock(self._connection, _AT), parameters)
        return {(row.workspace_id, row.path): _job(row, self._actors) for row in rows}

    def list_below(self, workspace_id: str, folder: str) -> Sequence[Job]:
        query = _ALL.where(t.jobs.c.workspace_id == workspace_id)
        if folder:
            query = query.where(is_below(t.jobs.c.path, folder))
        return [
            _job(row, self._actors)
            for row in self._connection.execute(query.order_by(t.jobs.c.id), {"host": self._host})
        ]

    def lock(self, job_ids: Collection[str]) -> None:
        query = select(t.jobs.c.id).where(t.jobs.c.id.in_(sorted(job_ids))).order_by(t.jobs.c.id)
        self._connection.execute(with_row_lock(self._connection, query))

    def add(self, job: Job) -> None:
        check_path(job.source)
        self._connection.execute(insert(t.jobs), check_lengths(t.jobs, _columns(job)))

    def rename(self, job_id: str, name: str) -> None:
        statement = update(t.jobs).where(t.jobs.c.id == job_id).values(check_lengths(t.jobs, {"name": name}))
        self._connection.execute(statement.values(revision=t.jobs.c.revision + 1))

    def change(self, job: Job) -> Job:
        check_path(job.source)
        after = replace(job, revision=job.revision + 1)
        query = update(t.jobs).where(t.jobs.c.id == job.id, t.jobs.c.revision == job.revision)
        if self._connection.execute(query, check_lengths(t.jobs, _columns(after))).rowcount != 1:
            raise StaleWrite("Somebody else has changed the job. Look at it again.", id=job.id)
        return after

    def merge(self, job: Job, other: Job) -> Job:
        c = t.versions.c
        last = self._connection.scalar(select(func.max(c.number)).where(c.job_id == job.id)) or 0
        own_digests = select(c.digest).where(c.job_id == job.id)
        missing_versions = (
            select(t.versions).where(c.job_id == other.id, c.digest.not_in(own_digests)).order_by(c.number)
        )
        for number, row in enumerate(self._connection.execute(missing_versions).all(), last + 1):
            self._connection.execute(insert(t.versions), {**row._mapping, "job_id": job.id, "number": number})
        moved_runs = update(t.runs).where(t.runs.c.job_id == other.id)
        self._connection.execute(moved_runs.values(job_id=job.id, revision=t.runs.c.revision + 1))
        for table in (t.pipeline_steps, t.schedules, t.schedule_steps, t.publications, t.published_files):
            self._connection.execute(update(table).where(table.c.job_id == other.id).values(job_id=job.id))
        following = update(t.schedules).where(t.schedules.c.after_job_id == other.id)
        self._connection.execute(following.values(after_job_id=job.id))
        self._connection.execute(delete(t.versions).where(c.job_id == other.id))
        self._connection.execute(delete(t.jobs).where(t.jobs.c.id == other.id))
        return self.change(replace(job, workspace_id=other.workspace_id, path=other.path, source=other.source))

    def page(self, *, limit: int, cursor: str | None = None, text: str | None = None) -> Page[Job]:
        query = _ALL.where(matches_text(text)) if text else _ALL
        bound_query = query.params(host=self._host)
        return page_of(
            self._connection, bound_query, t.jobs.c.id, partial(_job, actors=self._actors), limit=limit, cursor=cursor
        )


_roots = t.workspace_roots.c
_ROOT = (
    select(_roots.root)
    .where(_roots.workspace_id == t.jobs.c.workspace_id)
    .order_by(case((_roots.host == bindparam("host"), 0), else_=1), _roots.seen_at.desc(), _roots.root)
    .limit(1)
    .scalar_subquery()
)
_ALL: Select[Any] = select(t.jobs, _ROOT.label("root"))
_BY_IDS = _ALL.where(t.jobs.c.id.in_(bindparam("ids", expanding=True)))
_AT = _ALL.where(
    t.jobs.c.project == bindparam("project"),
    tuple_(t.jobs.c.workspace_id, t.jobs.c.path).in_(bindparam("places", expanding=True)),
)


def matches_text(text: str) -> ColumnElement[bool]:
    """Tell whether the job's name, or the path of its notebook by any root, contains `text`."""
    source = _roots.root + literal("/") + t.jobs.c.path
    path_matches = exists().where(_roots.workspace_id == t.jobs.c.workspace_id, contains(source, text))
    return or_(contains(t.jobs.c.name, text), path_matches)


def _columns(job: Job) -> dict[str, Any]:
    values = {name: value for name, value in vars(job).items() if name not in ("settings", "source")}
    return {**values, **vars(job.settings)}


def _job(row: Row[Any], actors: SqlActors) -> Job:
    values = dict(row._mapping)
    root = values.pop("root")
    return Job(
        settings=pop_settings(values, GivenSettings),
        **{
            **values,
            "source": posixpath.join(root, values["path"]),
            "created_by": actors.get(values["created_by"]),
            "kind": JobKind(values["kind"]),
            "pinned": tuple(values["pinned"]),
        },
    )
