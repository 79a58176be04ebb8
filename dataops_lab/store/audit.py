from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import BindParameter, ColumnElement, Connection, Row, Select, bindparam, insert, null, select, text

from ..domain.audit import NO_HEAD, Entry, Head, NewEntry, chained, entry_of
from ..domain.events import Event, SubjectKind
from ..errors import InvalidRequest
from ..ports import AuditFilter, Page
from . import tables as t
from .filters import check_page
from .locks import advisory_lock
from .rows import check_lengths

READ_SIZE = 2000


class SqlAudit:
    """The audit trail. Only the transaction that writes its events adds entries: see SqlEvents.

    The lock of the events is also the lock of the chain, so two transactions never continue the same head.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._pending: list[NewEntry] = []
        self.has_written = False

    def add(self, entry: NewEntry) -> None:
        self._pending.append(entry)

    def add_events(self, events: Sequence[Event]) -> None:
        """Add an entry for each of the events that is a change."""
        found = [entry for event in events if (entry := entry_of(event)) is not None]
        self._pending += self._with_places(found)

    def pending(self) -> list[NewEntry]:
        return list(self._pending)

    def restore_pending(self, pending: list[NewEntry]) -> None:
        self._pending = pending

    def write(self) -> None:
        """Write the entries behind the head. The caller calls it last in a transaction, which then ends soon."""
        if not self._pending:
            return
        advisory_lock(self._connection, "events")
        entries = chained(self._pending, self.head())
        self._connection.execute(_INSERT, [check_lengths(t.audit, vars(entry)) for entry in entries])
        self._pending, self.has_written = [], True

    def head(self) -> Head:
        row = self._connection.execute(_HEAD).one_or_none()
        return Head(row.seq, row.chain) if row else NO_HEAD

    def page(self, where: AuditFilter, *, limit: int, cursor: str | None = None) -> Page[Entry]:
        check_page(limit, None)
        query = _filtered(where).order_by(_A.seq.desc()).limit(limit + 1)
        if cursor is not None:
            query = query.where(_A.seq < _number(cursor))
        rows = [_entry(row) for row in self._connection.execute(query)]
        return Page(rows[:limit], str(rows[limit - 1].seq) if len(rows) > limit else None)

    def iterate(self, where: AuditFilter, *, until: int | None = None) -> Iterator[Entry]:
        query = _filtered(where).order_by(_A.seq)
        if until is not None:
            query = query.where(_A.seq <= until)
        rows = self._connection.execution_options(yield_per=READ_SIZE).execute(query)
        return (_entry(row) for row in rows)

    def is_guarded(self) -> bool:
        is_sqlite = self._connection.dialect.name == "sqlite"
        names = set(self._connection.scalars(_TRIGGERS_OF_SQLITE if is_sqlite else _TRIGGERS_OF_POSTGRES))
        return (SQLITE_TRIGGERS if is_sqlite else POSTGRES_TRIGGERS) <= names

    def _with_places(self, entries: list[NewEntry]) -> list[NewEntry]:
        """Look up project and environment of those entries whose object knows them and whose event did not say."""
        open_ids = {kind: {e.object_id for e in entries if _needs_place(e, kind)} for kind in _PLACES}
        found: dict[tuple[str, str], Row[Any]] = {}
        for kind, ids in open_ids.items():
            if ids:
                rows = self._connection.execute(_PLACES[kind], {"ids": sorted(ids)})
                found |= {(kind, row.id): row for row in rows}
        return [
            NewEntry(**{**vars(entry), "project": row.project, "environment": row.environment})
            if (row := found.get((entry.object_kind, entry.object_id)))
            else entry
            for entry in entries
        ]


SQLITE_TRIGGERS = {"audit_stays", "audit_is_not_replaced", "audit_is_not_edited"}
POSTGRES_TRIGGERS = {"audit_stays", "audit_is_not_emptied", "audit_is_not_edited"}
"""The triggers by which a database refuses to change entries. Migration 0017 makes them."""

_TRIGGERS_OF_SQLITE = text("SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit'")
_TRIGGERS_OF_POSTGRES = text(
    "SELECT tgname FROM pg_trigger WHERE tgrelid = 'audit'::regclass AND NOT tgisinternal AND tgenabled <> 'D'"
)

_A = t.audit.c
_ALL = select(t.audit)
_INSERT = insert(t.audit)
_HEAD = select(_A.seq, _A.chain).order_by(_A.seq.desc()).limit(1)


def _place_of(table: Any, environment: ColumnElement[Any]) -> Select[Any]:
    ids: BindParameter[Any] = bindparam("ids", expanding=True)
    return select(table.c.id, table.c.project, environment.label("environment")).where(table.c.id.in_(ids))


_NONE: ColumnElement[Any] = null()
_PLACES = {
    str(SubjectKind.RUN): _place_of(t.runs, t.runs.c.environment),
    str(SubjectKind.JOB): _place_of(t.jobs, _NONE),
    str(SubjectKind.WORKSPACE): _place_of(t.workspaces, _NONE),
}


def _needs_place(entry: NewEntry, kind: str) -> bool:
    return entry.object_kind == kind and entry.project is None


def _filtered(where: AuditFilter) -> Select[Any]:
    query = _ALL
    for column, value in (
        (_A.actor, where.actor),
        (_A.verb, where.verb),
        (_A.object_kind, where.object_kind),
        (_A.object_id, where.object_id),
        (_A.project, where.project),
        (_A.environment, where.environment),
        (_A.outcome, where.outcome),
    ):
        if value is not None:
            query = query.where(column == value)
    if where.since is not None:
        query = query.where(_A.at >= where.since)
    if where.until is not None:
        query = query.where(_A.at < where.until)
    return query


def _number(cursor: str) -> int:
    # A number that no database can hold is not one that a page gave.
    if not (cursor.isascii() and cursor.isdigit() and len(cursor) <= 18):
        raise InvalidRequest("The cursor is not one that a page gave.")
    return int(cursor)


def _entry(row: Row[Any]) -> Entry:
    return Entry(**row._mapping)
