from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, Row, bindparam, delete, func, insert, select, update

from ..domain.actors import Actor
from ..domain.events import Event, Subject, SubjectKind
from . import tables as t
from .actors import SqlActors
from .audit import SqlAudit
from .locks import advisory_lock

TRIM_BATCH_SIZE = 5000
REVISION_BATCH_SIZE = 1000


class SqlEvents:
    """The events, numbered in the order of commits, so that a reader of `list_after` misses none.

    PostgreSQL gives numbers out before the commit. So one transaction at a time writes its events. It writes them as
    its last step, so that others wait no longer than a commit takes.
    """

    def __init__(self, connection: Connection, actors: SqlActors, audit: SqlAudit) -> None:
        self._connection = connection
        self._actors = actors
        self._audit = audit
        self._pending: list[dict[str, Any]] = []
        self.upserted_actors: dict[str, tuple[Actor, dt.datetime]] = {}

    def add(
        self,
        subject: Subject,
        kind: str,
        *,
        at: dt.datetime,
        actor: Actor | None = None,
        revision: int | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an event, which `write` stores. A run with `revision` None gets the next one from `bump_revisions`."""
        event = {"subject_kind": subject.kind, "subject_id": subject.id, "at": at, "kind": kind, "actor": actor}
        self._pending.append({**event, "revision": revision, "data": dict(data or {})})

    def bump_revisions(self) -> None:
        """Count up the revision of each run that has new events, since each change of a run leaves an event."""
        uncounted = [
            event for event in self._pending if event["subject_kind"] == SubjectKind.RUN and event["revision"] is None
        ]
        ids = sorted({event["subject_id"] for event in uncounted})
        revisions: dict[str, int] = {}
        for start in range(0, len(ids), REVISION_BATCH_SIZE):
            rows = self._connection.execute(_BUMP_REVISIONS, {"ids": ids[start : start + REVISION_BATCH_SIZE]})
            revisions.update((row.id, row.revision) for row in rows)
        for event in uncounted:
            event["revision"] = revisions.get(event["subject_id"])

    @property
    def kinds(self) -> list[str]:
        """The kinds of the events that are not written yet."""
        return [event["kind"] for event in self._pending]

    def pending(self) -> list[dict[str, Any]]:
        return [dict(event) for event in self._pending]

    def restore_pending(self, pending: list[dict[str, Any]]) -> None:
        """Return to the events that `pending` gave. The database takes back all that was written since as well."""
        self._pending = pending

    def write(self) -> None:
        """Write the events, and the entries of the audit trail for those that are changes."""
        if self._pending:
            self.bump_revisions()
            self.upserted_actors |= self._actors.upsert(
                {event["actor"]: event["at"] for event in self._pending if event["actor"]}
            )
            self._audit.add_events([_new_event(row) for row in self._pending])
            advisory_lock(self._connection, "events")
            self._connection.execute(_INSERT, self._pending)
            self._pending = []
        self._audit.write()

    def list_after(
        self, seq: int, *, limit: int = 1000, subject: Subject | None = None, kinds: Collection[str] = ()
    ) -> Sequence[Event]:
        self.write()
        query = select(t.events).where(t.events.c.seq > seq).order_by(t.events.c.seq).limit(limit)
        if subject is not None:
            query = query.where(t.events.c.subject_kind == subject.kind, t.events.c.subject_id == subject.id)
        if kinds:
            query = query.where(t.events.c.kind.in_(kinds))
        return [_event(row, self._actors) for row in self._connection.execute(query)]

    def last_seq(self) -> int:
        self.write()
        return self._connection.scalar(select(func.max(t.events.c.seq))) or 0

    def first_seq(self) -> int:
        return self._connection.scalar(select(func.min(t.events.c.seq))) or 0

    def delete_old(self, *, before: dt.datetime) -> int:
        seq = t.events.c.seq
        # Numbers grow with time, and old events are few: the walk ends at the first event that stays.
        oldest = select(seq, t.events.c.at).order_by(seq).limit(TRIM_BATCH_SIZE)
        expired = [number for number, _ in takewhile(lambda row: row.at < before, self._connection.execute(oldest))]
        # The last event stays, so that the numbers go on from it.
        if not expired or (last := self.last_seq()) < expired[0]:
            return 0
        deleted = self._connection.execute(delete(t.events).where(seq <= expired[-1], seq < last))
        return deleted.rowcount


_INSERT = insert(t.events)
_BUMP_REVISIONS = (
    update(t.runs)
    .where(t.runs.c.id.in_(bindparam("ids", expanding=True)))
    .values(revision=t.runs.c.revision + 1)
    .returning(t.runs.c.id, t.runs.c.revision)
)


def _new_event(row: Mapping[str, Any]) -> Event:
    subject = Subject(row["subject_kind"], row["subject_id"])
    return Event(0, subject, row["at"], row["kind"], row["actor"], row["revision"], row["data"])


def _event(row: Row[Any], actors: SqlActors) -> Event:
    values = dict(row._mapping)
    values["actor"] = actors.find(values["actor"])
    return Event(subject=Subject(SubjectKind(values.pop("subject_kind")), values.pop("subject_id")), **values)
