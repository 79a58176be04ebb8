"""The blobs to which the database refers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, func, select

from ..domain.inputs import Inputs
from ..domain.versions import Manifest
from . import tables as t
from .retention import VERSION_USERS


def referenced_digests(connection: Connection, without: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the digests of the blobs of every version, set of inputs, record and report.

    A blob to which several of them refer comes several times. `without`: the ids of runs that are to be deleted. What
    only these runs refer to, and what goes with them, is left out.
    """
    removed_versions = set(_versions_used_only_by(connection, without))
    v = t.versions.c
    streamed = connection.execution_options(yield_per=500)
    for job_id, name, stored in streamed.execute(select(v.job_id, v.digest, v.manifest)):
        if (job_id, name) not in removed_versions:
            manifest = Manifest.from_json(stored)
            if manifest.source_digest is not None:
                yield manifest.source_digest
            yield from (file.digest for file in manifest.files)
    removed_inputs = set(_inputs_used_only_by(connection, without))
    for digest, content in streamed.execute(select(t.inputs.c.digest, t.inputs.c.content)):
        if digest not in removed_inputs:
            yield from (file.digest for file in Inputs.from_json(content).files)
    for run_id, files in streamed.execute(select(t.records.c.run_id, t.records.c.files)):
        if run_id not in without:
            yield from (file["digest"] for file in files)
    for run_id, digest in streamed.execute(select(t.reports.c.run_id, t.reports.c.digest)):
        if run_id not in without:
            yield digest


def _versions_used_only_by(connection: Connection, run_ids: frozenset[str]) -> Iterator[tuple[str, str]]:
    """Yield the versions that only these runs and their steps have, except for the newest version of each job."""
    r, s, v = t.runs.c, t.pipeline_steps.c, t.versions.c
    uses = Counter(_rows_of_runs(connection, select(r.job_id, r.version_digest), r.id, run_ids))
    uses += Counter(_rows_of_runs(connection, select(s.job_id, s.version_digest), s.run_id, run_ids))
    for (job_id, digest), count in uses.items():
        used = [
            select(func.count()).where(table.c.job_id == job_id, table.c.version_digest == digest)
            for table in VERSION_USERS
        ]
        newest = select(v.digest).where(v.job_id == job_id).order_by(v.number.desc()).limit(1)
        if sum(map(connection.scalar, used)) == count and connection.scalar(newest) != digest:
            yield job_id, digest


def _inputs_used_only_by(connection: Connection, run_ids: frozenset[str]) -> Iterator[str]:
    r, s = t.runs.c, t.pipeline_steps.c
    uses = Counter(_rows_of_runs(connection, select(r.inputs_digest), r.id, run_ids))
    uses += Counter(_rows_of_runs(connection, select(s.inputs_digest), s.run_id, run_ids))
    for (digest,), count in uses.items():
        used = [select(func.count()).where(c.inputs_digest == digest) for c in (r, s, t.schedule_steps.c)]
        if digest and sum(map(connection.scalar, used)) == count:
            yield digest


def _rows_of_runs(
    connection: Connection, query: Select[Any], run_id: ColumnElement[str], run_ids: frozenset[str]
) -> Iterator[tuple[Any, ...]]:
    ids = sorted(run_ids)
    for start in range(0, len(ids), 500):
        for row in connection.execute(query.where(run_id.in_(ids[start : start + 500]))):
            yield tuple(row)
