from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from ..domain.records import Record, RecordFile, RecordFileKind
from . import tables as t
from .rows import insert_if_absent


class SqlRecords:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, *records: Record) -> None:
        self._connection.execute(_INSERT, [_columns(record) for record in records])

    def find_for_run(self, run_id: str) -> Record | None:
        return self.find_for_runs([run_id]).get(run_id)

    def find_for_runs(self, run_ids: Sequence[str]) -> Mapping[str, Record]:
        # Later attempts overwrite earlier ones.
        rows = self._connection.execute(_OF_RUNS, {"run_ids": list(set(run_ids))})
        return {row.run_id: _record(row) for row in rows}

    def find_values_for_runs(self, run_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        rows = self._connection.execute(_VALUES_OF_RUNS, {"run_ids": list(set(run_ids))})
        return {row.run_id: row[1] for row in rows}

    def record_damage(self, run_id: str, attempt: int, damage: Mapping[str, str]) -> None:
        c = t.records.c
        values = {"integrity_errors": dict(damage) or None}
        self._connection.execute(update(t.records).where(c.run_id == run_id, c.attempt == attempt), values)

    def find_report(self, run_id: str, variant: str) -> str | None:
        query = select(t.reports.c.digest).where(t.reports.c.run_id == run_id, t.reports.c.variant == variant)
        return self._connection.scalar(query)

    def store_report(self, run_id: str, variant: str, digest: str) -> None:
        # Two readers may have rendered the report at once; both made the same page.
        insert_if_absent(self._connection, t.reports, {"run_id": run_id, "variant": variant, "digest": digest})


_INSERT = insert(t.records)
_OF_RUNS = (
    select(t.records).where(t.records.c.run_id.in_(bindparam("run_ids", expanding=True))).order_by(t.records.c.attempt)
)

_VALUES_OF_RUNS = (
    select(t.records.c.run_id, t.records.c["values"])
    .where(t.records.c.run_id.in_(bindparam("run_ids", expanding=True)))
    .order_by(t.records.c.attempt)
)


def _columns(record: Record) -> dict[str, Any]:
    return {
        **vars(record),
        "files": [asdict(file) for file in record.files],
        "integrity_errors": dict(record.integrity_errors) or None,
    }


def _record(row: Row[Any]) -> Record:
    values = dict(row._mapping)
    values["files"] = tuple(RecordFile(**{**file, "kind": RecordFileKind(file["kind"])}) for file in values["files"])
    values["integrity_errors"] = values["integrity_errors"] or {}
    return Record(**values)
