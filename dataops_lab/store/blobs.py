"""Which blobs the database refers to."""

from __future__ import annotations

from collections.abc import Iterator

from sqlalchemy import Connection, select

from ..domain.versions import Manifest
from . import tables as t


def digests_of(connection: Connection) -> Iterator[str]:
    """Of every version, record and report; what several refer to comes several times."""
    connection = connection.execution_options(yield_per=500)
    for stored in connection.scalars(select(t.versions.c.manifest)):
        manifest = Manifest.from_json(stored)
        yield manifest.notebook_digest
        yield from (file.digest for file in manifest.files)
    for files in connection.scalars(select(t.records.c.files)):
        yield from (file["digest"] for file in files)
    yield from connection.scalars(select(t.reports.c.digest))
