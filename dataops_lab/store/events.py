from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from ..domain.events import Event
from . import tables as t
from .locks import hold

TRIM_AT_ONCE = 5000


class SqlEvents:
    """Events are numbered in the order of commits, so that a reader of `after` passes none over.

    PostgreSQL hands numbers out before the commit: hence one transaction at a time writes its events,
    and each as the last thing that it does, so that nobody waits for more than a commit.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._new: list[dict[str, Any]] = []

    def add(self, run_id: str, kind: str, *, at: dt.datetime, data: Mapping[str, Any] | None = None) -> None:
        self._new.append({"run_id": run_id, "at": at, "kind": kind, "data": dict(data or {})})

    @property
    def kinds(self) -> list[str]:
        """List the kinds of the events that are not written yet."""
        return [event["kind"] for event in self._new]

    def write(self) -> None:
        if self._new:
            hold(self._connection, "events")
            self._connection.execute(_INSERT, self._new)
            self._new = []

    def after(self, seq: int, *, limit: int = 1000, run_id: str | None = None) -> Sequence[Event]:
        self.write()
        query = select(t.events).where(t.events.c.seq > seq).order_by(t.events.c.seq).limit(limit)
        if run_id is not None:
            query = query.where(t.events.c.run_id == run_id)
        return [Event(**row._mapping) for row in self._connection.execute(query)]

    def last_seq(self) -> int:
        self.write()
        return self._connection.scalar(select(func.max(t.events.c.seq))) or 0

    def first_seq(self) -> int:
        return self._connection.scalar(select(func.min(t.events.c.seq))) or 0

    def trim(self, *, before: dt.datetime) -> int:
        seq = t.events.c.seq
        # Numbers grow with time, and old events are few: the walk ends at the first one that stays.
        oldest = select(seq, t.events.c.at).order_by(seq).limit(TRIM_AT_ONCE)
        gone = [number for number, _ in takewhile(lambda row: row.at < before, self._connection.execute(oldest))]
        # The last one stays, so that the numbers can be read on.
        if not gone or (last := self.last_seq()) < gone[0]:
            return 0
        trimmed = self._connection.execute(delete(t.events).where(seq <= gone[-1], seq < last))
        return trimmed.rowcount


_INSERT = insert(t.events)
