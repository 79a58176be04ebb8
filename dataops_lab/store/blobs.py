"""Which blobs the database refers to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from sqlalchemy import Connection, func, select

from ..domain.versions import Manifest
from . import tables as t


def digests_of(connection: Connection, without: frozenset[str] = frozenset()) -> Iterator[str]:
    """Of every version, record and report; what several refer to comes several times."""
    gone = set(_versions_only_of(connection, without))
    v = t.versions.c
    streamed = connection.execution_options(yield_per=500)
    for job_id, name, stored in streamed.execute(select(v.job_id, v.digest, v.manifest)):
        if (job_id, name) not in gone:
            manifest = Manifest.from_json(stored)
            yield manifest.notebook_digest
            yield from (file.digest for file in manifest.files)
    for run_id, files in streamed.execute(select(t.records.c.run_id, t.records.c.files)):
        if run_id not in without:
            yield from (file["digest"] for file in files)
    for run_id, digest in streamed.execute(select(t.reports.c.run_id, t.reports.c.digest)):
        if run_id not in without:
            yield digest


def _versions_only_of(connection: Connection, run_ids: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Those that go with these runs: all but the newest of each job."""
    r, v, ids = t.runs.c, t.versions.c, sorted(run_ids)
    theirs: Counter[tuple[str, str]] = Counter()
    for start in range(0, len(ids), 500):
        of_these = select(r.job_id, r.version_digest).where(r.id.in_(ids[start : start + 500]))
        theirs.update((row.job_id, row.version_digest) for row in connection.execute(of_these))
    for (job_id, digest), count in theirs.items():
        all_of_it = select(func.count()).where(r.job_id == job_id, r.version_digest == digest)
        newest = select(v.digest).where(v.job_id == job_id).order_by(v.number.desc()).limit(1)
        if connection.scalar(all_of_it) == count and connection.scalar(newest) != digest:
            yield job_id, digest
