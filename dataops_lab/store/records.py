from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from ..domain.records import Record, RecordFile, RecordFileKind
from . import tables as t
from .fitting import add_unless_there


class SqlRecords:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, *records: Record) -> None:
        self._connection.execute(_INSERT, [_columns(record) for record in records])

    def of_run(self, run_id: str) -> Record | None:
        return self.of_runs([run_id]).get(run_id)

    def of_runs(self, run_ids: Sequence[str]) -> Mapping[str, Record]:
        # Later attempts overwrite earlier ones.
        rows = self._connection.execute(_OF_RUNS, {"run_ids": list(set(run_ids))})
        return {row.run_id: _record(row) for row in rows}

    def values_of_runs(self, run_ids: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        rows = self._connection.execute(_VALUES_OF_RUNS, {"run_ids": list(set(run_ids))})
        return {row.run_id: row[1] for row in rows}

    def note_damage(self, run_id: str, attempt: int, damage: Mapping[str, str]) -> None:
        c = t.records.c
        found = {"damage": dict(damage) or None}
        self._connection.execute(update(t.records).where(c.run_id == run_id, c.attempt == attempt), found)

    def report(self, run_id: str, variant: str) -> str | None:
        query = select(t.reports.c.digest).where(t.reports.c.run_id == run_id, t.reports.c.variant == variant)
        return self._connection.scalar(query)

    def keep_report(self, run_id: str, variant: str, digest: str) -> None:
        # Two readers may have rendered the report at once; both made the same page.
        add_unless_there(self._connection, t.reports, {"run_id": run_id, "variant": variant, "digest": digest})


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
    return {**vars(record), "files": [asdict(file) for file in record.files], "damage": dict(record.damage) or None}


def _record(row: Row[Any]) -> Record:
    values = dict(row._mapping)
    values["files"] = tuple(RecordFile(**{**f, "kind": RecordFileKind(f["kind"])}) for f in values["files"])
    values["damage"] = values["damage"] or {}
    return Record(**values)
