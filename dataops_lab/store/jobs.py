from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam, insert, or_, select, update
from ulid import ULID

from ..domain.jobs import Job, JobKind
from ..domain.settings import GivenSettings
from ..errors import InvalidRequest, NotFound, StaleWrite
from ..ports import Page
from . import tables as t
from .actors import SqlActors
from .fitting import fitting
from .locks import hold
from .pages import contains, page_of
from .settings import taken_from

MAX_SOURCE_BYTES = 2500
"""An index of PostgreSQL holds no more."""

ANY_HOST = ""


class SqlJobs:
    def __init__(self, connection: Connection, actors: SqlActors) -> None:
        self._connection = connection
        self._actors = actors

    def get(self, job_id: str) -> Job:
        found = self.of([job_id])
        if job_id not in found:
            raise NotFound(f"There is no job {job_id!r}. `jupyter dataops runs list` names the jobs of all runs.")
        return found[job_id]

    def of(self, job_ids: Sequence[str]) -> Mapping[str, Job]:
        rows = self._connection.execute(_BY_IDS, {"ids": list(set(job_ids))})
        return {row.id: _job(row, self._actors) for row in rows}

    def by_source(self, project: str, source: str) -> Job | None:
        hold(self._connection, "source", project, source)
        folders = [str(folder) for folder in PurePosixPath(source).parents]
        paths = [posixpath.relpath(source, folder) for folder in folders]
        found = self._connection.execute(_BY_SOURCE, {"project": project, "folders": folders, "paths": paths})
        return next((job for job in (_job(row, self._actors) for row in found) if job.source == source), None)

    def add(self, job: Job) -> Job:
        if len(job.source.encode(errors="replace")) > MAX_SOURCE_BYTES:
            raise InvalidRequest(f"The path is longer than {MAX_SOURCE_BYTES} bytes.")
        folder, path = posixpath.split(job.source)
        placed = replace(job, workspace_id=self._workspace_of(folder, job), path=path)
        self._connection.execute(insert(t.jobs), fitting(t.jobs, _columns(placed)))
        return placed

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
        query = _ALL.where(names(text)) if text else _ALL
        return page_of(
            self._connection, query, t.jobs.c.id, partial(_job, actors=self._actors), limit=limit, cursor=cursor
        )

    def _workspace_of(self, folder: str, job: Job) -> str:
        hold(self._connection, "source", folder)
        roots = t.workspace_roots.c
        there = select(roots.workspace_id).where(roots.host == ANY_HOST, roots.root == folder)
        known: str | None = self._connection.scalar(there)
        if known is not None:
            return known
        workspace_id = str(ULID.from_datetime(job.created_at))
        name = (posixpath.basename(folder) or folder)[:200]
        made = {"created_at": job.created_at, "created_by": job.created_by}
        workspace = {"id": workspace_id, "project": job.project, "name": name, **made}
        self._connection.execute(insert(t.workspaces), fitting(t.workspaces, workspace))
        root = {"host": ANY_HOST, "root": folder, "workspace_id": workspace_id, "seen_at": job.created_at}
        self._connection.execute(insert(t.workspace_roots), fitting(t.workspace_roots, root))
        return workspace_id


_LAST_ROOT = (
    select(t.workspace_roots.c.root)
    .where(t.workspace_roots.c.workspace_id == t.jobs.c.workspace_id)
    .order_by(t.workspace_roots.c.seen_at.desc(), t.workspace_roots.c.root)
    .limit(1)
    .scalar_subquery()
)
_ALL: Select[Any] = select(t.jobs, _LAST_ROOT.label("root"))
_BY_IDS = _ALL.where(t.jobs.c.id.in_(bindparam("ids", expanding=True)))
_BY_SOURCE = _ALL.where(
    t.jobs.c.project == bindparam("project"),
    t.jobs.c.path.in_(bindparam("paths", expanding=True)),
    t.jobs.c.workspace_id.in_(
        select(t.workspace_roots.c.workspace_id).where(
            t.workspace_roots.c.root.in_(bindparam("folders", expanding=True))
        )
    ),
)


def names(text: str) -> ColumnElement[bool]:
    """Whether the job's name or the path of its notebook contains `text`."""
    return or_(contains(t.jobs.c.name, text), contains(_LAST_ROOT + "/" + t.jobs.c.path, text))


def _columns(job: Job) -> dict[str, Any]:
    values = {name: value for name, value in vars(job).items() if name not in ("settings", "source")}
    return {**values, **vars(job.settings)}


def _job(row: Row[Any], actors: SqlActors) -> Job:
    values = dict(row._mapping)
    root = values.pop("root")
    return Job(
        settings=taken_from(values, GivenSettings),
        **{
            **values,
            "source": posixpath.join(root, values["path"]),
            "created_by": actors.get(values["created_by"]),
            "kind": JobKind(values["kind"]),
            "cell_ids": tuple(values["cell_ids"]) if values["cell_ids"] is not None else None,
            "pinned": tuple(values["pinned"]),
        },
    )
