from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, not_, or_, select, tuple_

from ..domain.actors import Actor
from ..domain.deserialization import from_known_fields
from ..domain.events import Subject, SubjectKind
from ..domain.versions import Manifest, Origin, Version
from ..errors import NotFound
from . import tables as t
from .actors import SqlActors
from .events import SqlEvents
from .locks import with_row_lock
from .retention import is_used
from .rows import check_lengths


class SqlVersions:
    def __init__(self, connection: Connection, actors: SqlActors, events: SqlEvents) -> None:
        self._connection = connection
        self._actors = actors
        self._events = events

    def get(self, job_id: str, digest: str) -> Version:
        version = self.find(job_id, digest)
        if version is None:
            raise NotFound(f"Job {job_id} has no version {digest}.")
        return version

    def find(self, job_id: str, digest: str) -> Version | None:
        row = self._connection.execute(_BY_DIGEST, {"job_id": job_id, "digest": digest}).one_or_none()
        return _version(row, self._actors) if row else None

    def newest_by_job(self, job_ids: Collection[str]) -> Mapping[str, Version]:
        c = t.versions.c
        last = select(c.job_id, func.max(c.number)).where(c.job_id.in_(job_ids)).group_by(c.job_id)
        rows = self._connection.execute(select(t.versions).where(tuple_(c.job_id, c.number).in_(last)))
        return {row.job_id: _version(row, self._actors) for row in rows}

    def get_many(self, keys: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], Version]:
        rows = self._connection.execute(_BY_KEYS, {"keys": list(set(keys))})
        return {(row.job_id, row.digest): _version(row, self._actors) for row in rows}

    def add(self, job_id: str, manifest: Manifest, *, at: dt.datetime, by: Actor, origin: Origin) -> Version:
        # The transaction that holds the job gives the next number.
        self._connection.execute(with_row_lock(self._connection, select(t.jobs.c.id).where(t.jobs.c.id == job_id)))
        last = select(func.max(t.versions.c.number)).where(t.versions.c.job_id == job_id)
        number = (self._connection.scalar(last) or 0) + 1
        version = Version(manifest.digest, job_id, number, manifest, at, by, origin)
        row = {**vars(version), "manifest": manifest.to_json(), "origin": asdict(origin)}
        self._connection.execute(insert(t.versions), check_lengths(t.versions, row))
        event_data = {"number": number, "digest": version.digest}
        self._events.add(Subject(SubjectKind.JOB, job_id), "job.version_added", at=at, actor=by, data=event_data)
        return version

    def remove(self, job_id: str, digest: str) -> bool:
        c = t.versions.c
        unused = not_(or_(*is_used()))
        deleted = self._connection.execute(delete(t.versions).where(c.job_id == job_id, c.digest == digest, unused))
        return deleted.rowcount == 1

    def list_for_job(self, job_id: str) -> Sequence[Version]:
        query = select(t.versions).where(t.versions.c.job_id == job_id).order_by(t.versions.c.number.desc())
        return [_version(row, self._actors) for row in self._connection.execute(query)]


_BY_DIGEST = select(t.versions).where(
    t.versions.c.job_id == bindparam("job_id"), t.versions.c.digest == bindparam("digest")
)
_BY_KEYS = select(t.versions).where(
    tuple_(t.versions.c.job_id, t.versions.c.digest).in_(bindparam("keys", expanding=True))
)


def _version(row: Row[Any], actors: SqlActors) -> Version:
    values = dict(row._mapping)
    values["manifest"] = Manifest.from_json(values["manifest"])
    values["created_by"] = actors.get(values["created_by"])
    values["origin"] = from_known_fields(Origin, values["origin"])
    return Version(**values)
