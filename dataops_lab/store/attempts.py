from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Update, insert, select, update

from ..domain.runs import Attempt, AttemptState, Progress, Usage
from ..errors import StaleWrite
from . import reasons
from . import tables as t
from .events import SqlEvents

_ALIVE = [str(state) for state in AttemptState if not state.is_terminal]


class SqlAttempts:
    def __init__(self, connection: Connection, events: SqlEvents) -> None:
        self._connection = connection
        self._events = events

    def of_run(self, run_id: str) -> Sequence[Attempt]:
        return self.of_runs([run_id])[run_id]

    def of_runs(self, run_ids: Sequence[str]) -> Mapping[str, Sequence[Attempt]]:
        query = select(t.attempts).where(t.attempts.c.run_id.in_(set(run_ids))).order_by(t.attempts.c.number)
        found: dict[str, list[Attempt]] = {run_id: [] for run_id in run_ids}
        for row in self._connection.execute(query):
            found[row.run_id].append(_attempt(row))
        return found

    def alive(self) -> Sequence[Attempt]:
        query = select(t.attempts).where(t.attempts.c.state.in_(_ALIVE)).order_by(t.attempts.c.run_id)
        return [_attempt(row) for row in self._connection.execute(query)]

    def add(self, attempt: Attempt) -> None:
        self._connection.execute(insert(t.attempts), _columns(attempt))
        self._events.add(
            attempt.run_id,
            f"attempt.{attempt.state}",
            at=attempt.created_at,
            data={"attempt": attempt.number},
        )

    def move(self, before: Attempt, after: Attempt, **data: Any) -> None:
        moved = self._connection.execute(_update(before), _columns(after))
        if moved.rowcount != 1:
            raise StaleWrite(f"Attempt {before.name} is no longer {before.state}.", id=before.name)
        self._events.add(
            after.run_id,
            f"attempt.{after.state}",
            at=after.finished_at or after.started_at or after.created_at,
            data={"attempt": after.number, **data},
        )

    def note_trouble(self, attempt: Attempt) -> None:
        noted = self._connection.execute(_update(attempt), {"reason": reasons.to_json(attempt.reason)})
        if noted.rowcount == 1:
            at = attempt.started_at or attempt.created_at
            self._events.add(attempt.run_id, "attempt.trouble", at=at, data={"attempt": attempt.number})

    def note_progress(self, attempt: Attempt) -> None:
        progress = {name: _columns(attempt)[name] for name in ("cells_done", "cells_total", "cell_current")}
        noted = self._connection.execute(_update(attempt), progress)
        if noted.rowcount == 1:
            at = attempt.started_at or attempt.created_at
            self._events.add(attempt.run_id, "run.progress", at=at, data=asdict(attempt.progress))


def _update(attempt: Attempt) -> Update:
    """Of the row, if it is still in that state."""
    c = t.attempts.c
    return update(t.attempts).where(c.run_id == attempt.run_id, c.number == attempt.number, c.state == attempt.state)


def _columns(attempt: Attempt) -> dict[str, Any]:
    values = dict(vars(attempt))
    progress, usage = values.pop("progress"), values.pop("usage")
    return {
        **values,
        "reason": reasons.to_json(attempt.reason),
        "cells_done": progress.done,
        "cells_total": progress.total,
        "cell_current": progress.current,
        **vars(usage),
    }


def _attempt(row: Row[Any]) -> Attempt:
    values = dict(row._mapping)
    progress = Progress(values.pop("cells_done"), values.pop("cells_total"), values.pop("cell_current"))
    usage = Usage(values.pop("peak_memory_bytes"), values.pop("cpu_seconds"))
    return Attempt(
        **{
            **values,
            "state": AttemptState(values["state"]),
            "reason": reasons.from_json(values["reason"]),
            "progress": progress,
            "usage": usage,
        }
    )
