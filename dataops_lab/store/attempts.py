from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from itertools import chain
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, update

from ..domain.environments import Backend
from ..domain.events import run_subject
from ..domain.runs import Attempt, AttemptState, Progress, Usage
from ..errors import StaleWrite
from . import reasons
from . import tables as t
from .events import SqlEvents


class SqlAttempts:
    def __init__(self, connection: Connection, events: SqlEvents) -> None:
        self._connection = connection
        self._events = events

    def list_for_run(self, run_id: str) -> Sequence[Attempt]:
        return self.list_for_runs([run_id])[run_id]

    def list_for_runs(self, run_ids: Sequence[str]) -> Mapping[str, Sequence[Attempt]]:
        found: dict[str, list[Attempt]] = {run_id: [] for run_id in run_ids}
        for row in self._connection.execute(_OF_RUNS, {"run_ids": list(found)}):
            found[row.run_id].append(_attempt(row))
        return found

    def list_unfinished(self) -> Sequence[Attempt]:
        return [_attempt(row) for row in self._connection.execute(_ALIVE)]

    def add(self, *steps: Attempt) -> None:
        self.add_all([steps])

    def add_all(self, step_lists: Sequence[Sequence[Attempt]]) -> None:
        self._connection.execute(_INSERT, [_columns(steps[-1]) for steps in step_lists])
        self._add_events(step_lists)

    def transition(self, before: Attempt, *steps: Attempt) -> None:
        self.transition_all([(before, steps)])

    def transition_all(self, moves: Sequence[tuple[Attempt, Sequence[Attempt]]]) -> None:
        if self._update_rows([(before, _columns(steps[-1])) for before, steps in moves]) != len(moves):
            stale = ", ".join(f"attempt {before.name} {before.state}" for before, _ in moves)
            raise StaleWrite(f"No longer so, in whole or in part: {stale}.")
        self._add_events([steps for _, steps in moves])

    def record_trouble(self, attempt: Attempt) -> None:
        if self._update_rows([(attempt, {"reason": reasons.to_json(attempt.reason)})]):
            at = attempt.started_at or attempt.created_at
            self._events.add(run_subject(attempt.run_id), "attempt.trouble", at=at, data={"attempt": attempt.number})

    def record_progress(self, attempt: Attempt) -> None:
        progress = {name: _columns(attempt)[name] for name in ("cells_done", "cells_total", "cell_current")}
        if self._update_rows([(attempt, progress)]):
            at = attempt.started_at or attempt.created_at
            self._events.add(run_subject(attempt.run_id), "run.progress", at=at, data=asdict(attempt.progress))

    def _add_events(self, steps_of_attempts: Sequence[Sequence[Attempt]]) -> None:
        for step in chain.from_iterable(steps_of_attempts):
            at = step.finished_at or step.started_at or step.created_at
            self._events.add(run_subject(step.run_id), f"attempt.{step.state}", at=at, data={"attempt": step.number})

    def _update_rows(self, rows: Sequence[tuple[Attempt, dict[str, Any]]]) -> int:
        """Update the rows that are still in the given states, and return their number."""
        parameters = [
            {**row, "of_run": before.run_id, "of_number": before.number, "of_state": before.state}
            for before, row in rows
        ]
        return self._connection.execute(_UPDATE, parameters).rowcount


_C = t.attempts.c
_INSERT = insert(t.attempts)
_UPDATE = update(t.attempts).where(
    _C.run_id == bindparam("of_run"), _C.number == bindparam("of_number"), _C.state == bindparam("of_state")
)
_OF_RUNS = select(t.attempts).where(_C.run_id.in_(bindparam("run_ids", expanding=True))).order_by(_C.number)
_ALIVE = (
    select(t.attempts)
    .where(_C.state.in_([str(state) for state in AttemptState if not state.is_terminal]))
    .order_by(_C.run_id)
)


def _columns(attempt: Attempt) -> dict[str, Any]:
    values = dict(vars(attempt))
    progress, usage = values.pop("progress"), values.pop("usage")
    return {
        **values,
        "backend": str(attempt.backend),
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
            "backend": Backend.parse(values["backend"]),
            "reason": reasons.from_json(values["reason"]),
            "progress": progress,
            "usage": usage,
        }
    )
