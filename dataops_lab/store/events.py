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
from .locks import hold

TRIM_AT_ONCE = 5000
COUNT_AT_ONCE = 1000


class SqlEvents:
    """The events, numbered in the order of commits, so that a reader of `after` misses none.

    PostgreSQL gives numbers out before the commit. So one transaction at a time writes its events. It writes them as
    its last step, so that others wait no longer than a commit takes.
    """

    def __init__(self, connection: Connection, actors: SqlActors) -> None:
        self._connection = connection
        self._actors = actors
        self._new: list[dict[str, Any]] = []
        self.noted: dict[str, tuple[Actor, dt.datetime]] = {}

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
        """Add an event, which `write` stores. For a run, `revision` None counts the run as changed, see `count`."""
        event = {"subject_kind": subject.kind, "subject_id": subject.id, "at": at, "kind": kind, "actor": actor}
        self._new.append({**event, "revision": revision, "data": dict(data or {})})

    def count(self) -> None:
        """Count up the revision of each run that has new events, since each change of a run leaves an event."""
        new = [it for it in self._new if it["subject_kind"] == SubjectKind.RUN and it["revision"] is None]
        ids = sorted({event["subject_id"] for event in new})
        counted: dict[str, int] = {}
        for start in range(0, len(ids), COUNT_AT_ONCE):
            rows = self._connection.execute(_COUNT, {"ids": ids[start : start + COUNT_AT_ONCE]})
            counted.update((row.id, row.revision) for row in rows)
        for event in new:
            event["revision"] = counted.get(event["subject_id"])

    @property
    def kinds(self) -> list[str]:
        """The kinds of the events that are not written yet."""
        return [event["kind"] for event in self._new]

    def unwritten(self) -> list[dict[str, Any]]:
        return [dict(event) for event in self._new]

    def go_back_to(self, unwritten: list[dict[str, Any]]) -> None:
        """Return to the events that `unwritten` gave. The database takes back all that was written since as well."""
        self._new = unwritten

    def write(self) -> None:
        if self._new:
            self.count()
            self.noted |= self._actors.note({it["actor"]: it["at"] for it in self._new if it["actor"]})
            hold(self._connection, "events")
            self._connection.execute(_INSERT, self._new)
            self._new = []

    def after(
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

    def trim(self, *, before: dt.datetime) -> int:
        seq = t.events.c.seq
        # Numbers grow with time, and old events are few: the walk ends at the first event that stays.
        oldest = select(seq, t.events.c.at).order_by(seq).limit(TRIM_AT_ONCE)
        gone = [number for number, _ in takewhile(lambda row: row.at < before, self._connection.execute(oldest))]
        # The last event stays, so that the numbers go on from it.
        if not gone or (last := self.last_seq()) < gone[0]:
            return 0
        trimmed = self._connection.execute(delete(t.events).where(seq <= gone[-1], seq < last))
        return trimmed.rowcount


_INSERT = insert(t.events)
_COUNT = (
    update(t.runs)
    .where(t.runs.c.id.in_(bindparam("ids", expanding=True)))
    .values(revision=t.runs.c.revision + 1)
    .returning(t.runs.c.id, t.runs.c.revision)
)


def _event(row: Row[Any], actors: SqlActors) -> Event:
    values = dict(row._mapping)
    values["actor"] = actors.find(values["actor"])
    return Event(subject=Subject(SubjectKind(values.pop("subject_kind")), values.pop("subject_id")), **values)
