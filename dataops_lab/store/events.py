from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, func, insert, select

from ..domain.events import Event
from . import tables as t
from .locks import hold


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

    def write(self) -> None:
        if self._new:
            hold(self._connection, "events")
            self._connection.execute(insert(t.events), self._new)
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
