"""Runs as lists show them: one statement reads only the columns that a summary has.

The module imports neither SQLAlchemy nor what a whole run needs: a short command reads a page with `sqlite3` alone.
"""

from __future__ import annotations

import datetime as dt
import posixpath
from collections.abc import Collection, Sequence
from typing import Any

from ..domain.actors import Actor, ActorKind
from ..domain.images import RunImage
from ..domain.jobs import JobKind
from ..domain.pipelines import StepState
from ..domain.runs import (
    MAX_SUMMARY_MESSAGE,
    AttemptState,
    Progress,
    Reason,
    RunState,
    RunSummary,
    Trigger,
    TriggerKind,
)
from ..ports import Page, RunFilter
from .filters import NO_COPY, NO_POINT, Execute, check_page, newest_ids
from .host import this_host

_ROOT = """(SELECT root FROM workspace_roots WHERE workspace_roots.workspace_id = jobs.workspace_id
            ORDER BY CASE WHEN host = :host THEN 0 ELSE 1 END, seen_at DESC, root LIMIT 1)"""
ENDED = tuple(state for state in StepState if state.has_ended)
_HAS_STEPS = f"r.kind IN ({', '.join(repr(str(kind)) for kind in JobKind if kind.has_steps)})"
_IS_SWEEP = f"r.kind = '{JobKind.SWEEP}'"
_ALIVE = ", ".join(repr(str(state)) for state in RunState if not state.is_terminal)
_POINTS = "(SELECT points FROM pipeline_runs WHERE run_id = r.id)"
_ENDED_POINTS = f"(SELECT count(*) FROM runs WHERE parent_id = r.id AND state NOT IN ({_ALIVE}))"


def _steps(states: Sequence[StepState] = ()) -> str:
    """Build the number of the steps of a pipeline run that are in one of these states, or of all."""
    among = f" AND state IN ({', '.join(repr(str(state)) for state in states)})" if states else ""
    return f"(SELECT count(*) FROM pipeline_steps WHERE run_id = r.id{among})"


_COLUMNS = {
    "id": "r.id",
    "project": "r.project",
    "job_id": "r.job_id",
    "job_name": "jobs.name",
    "root": _ROOT,
    "path": "jobs.path",
    "version_digest": "r.version_digest",
    "version_number": "v.number",
    "environment": "r.environment",
    "image_name": "r.image ->> 'name'",
    "image_reference": "r.image ->> 'reference'",
    "image_digest": "r.image ->> 'digest'",
    "state": "r.state",
    "attempt": "a.number",
    "attempt_state": "a.state",
    "cells_done": f"CASE WHEN {_IS_SWEEP} THEN {_ENDED_POINTS} WHEN {_HAS_STEPS} THEN {_steps(ENDED)} "
    "ELSE a.cells_done END",
    "cells_total": f"CASE WHEN {_IS_SWEEP} THEN {_POINTS} WHEN {_HAS_STEPS} THEN {_steps()} ELSE a.cells_total END",
    "cell_current": "a.cell_current",
    "code": "r.reason ->> 'code'",
    "message": f"substr(r.reason ->> 'message', 1, {MAX_SUMMARY_MESSAGE})",
    "trouble": "CASE WHEN r.state = 'active' THEN a.reason ->> 'code' END",
    "trouble_message": f"substr(a.reason ->> 'message', 1, {MAX_SUMMARY_MESSAGE})",
    "nothing_to_do": "r.nothing_to_do",
    "with_failures": "r.with_failures",
    "steps_running": f"CASE WHEN {_HAS_STEPS} THEN {_steps((StepState.RUNNING,))} END",
    "steps_asking": f"CASE WHEN {_HAS_STEPS} THEN {_steps((StepState.AWAITING_APPROVAL,))} END",
    "created_at": "r.created_at",
    "created_by": "r.created_by",
    "creator": "p.name",
    "creator_kind": "p.kind",
    "started_at": "r.started_at",
    "finished_at": "r.finished_at",
    "cancel_requested_at": "r.cancel_requested_at",
    "kept_at": "r.kept_at",
    "kind": "r.kind",
    "trigger_kind": "r.trigger_kind",
    "trigger_ref": "r.trigger_ref",
    "parent_id": "r.parent_id",
    "parent_key": "r.parent_key",
    "revision": "r.revision",
}
_FROM = f"""
SELECT {", ".join(_COLUMNS.values())}
FROM runs AS r
JOIN jobs ON jobs.id = r.job_id
LEFT JOIN actors AS p ON p.id = r.created_by
JOIN versions AS v ON v.job_id = r.job_id AND v.digest = r.version_digest
LEFT JOIN attempts AS a ON a.run_id = r.id AND a.number = (SELECT max(number) FROM attempts WHERE run_id = r.id)
"""


def page(execute: Execute, where: RunFilter, *, limit: int, cursor: str | None) -> Page[RunSummary]:
    check_page(limit, cursor)
    # The query reads one run more than `limit`, which tells whether there is a next page.
    ids, parameters = newest_ids(execute, where, limit=limit + 1, cursor=cursor)
    summaries = _read(execute, f"WHERE r.id IN ({ids}) ORDER BY r.id DESC", parameters)
    return Page(summaries[:limit], summaries[limit - 1].id if len(summaries) > limit else None)


def by_ids(execute: Execute, run_ids: Collection[str]) -> Sequence[RunSummary]:
    names, parameters = _in_list(run_ids)
    return _read(execute, f"WHERE r.id IN ({names})", parameters)


def last_of_jobs(execute: Execute, job_ids: Collection[str]) -> Sequence[RunSummary]:
    names, parameters = _in_list(job_ids)
    # A sweep is one run of its job, whatever its points do. A walk for each job ends at its newest run.
    newest = f"SELECT id FROM runs WHERE job_id = j.id AND {NO_POINT} AND {NO_COPY} ORDER BY id DESC LIMIT 1"
    return _read(execute, f"WHERE r.id IN (SELECT ({newest}) FROM jobs AS j WHERE j.id IN ({names}))", parameters)


def _in_list(values: Collection[str]) -> tuple[str, dict[str, str]]:
    parameters = {f"listed{number}": value for number, value in enumerate(values)}
    # PostgreSQL takes no empty list.
    return ", ".join(f":{name}" for name in parameters) or "NULL", parameters


def _read(execute: Execute, condition: str, parameters: dict[str, Any]) -> list[RunSummary]:
    return [
        _summary(dict(zip(_COLUMNS, row, strict=True)))
        for row in execute(_FROM + condition, {**parameters, "host": this_host()})
    ]


def _summary(stored: dict[str, Any]) -> RunSummary:
    pop = stored.pop
    image = RunImage(pop("image_name"), pop("image_reference"), pop("image_digest"))
    progress = Progress(pop("cells_done") or 0, pop("cells_total") or 0, pop("cell_current"))
    end_reason = _reason(pop("code"), pop("message"))
    attempt_reason = _reason(pop("trouble"), pop("trouble_message"))
    trigger = Trigger(TriggerKind(pop("trigger_kind")), pop("trigger_ref"))
    by_id = stored["created_by"]
    creator = Actor(by_id, pop("creator") or by_id, ActorKind(pop("creator_kind") or ActorKind.PERSON))
    running, asking = pop("steps_running"), pop("steps_asking")
    source = posixpath.join(pop("root"), stored["path"])
    values: dict[str, Any] = {
        name: _instant(value) if name.endswith("_at") else value for name, value in stored.items()
    } | {
        "source": source,
        "image": image if image.name else None,
        "state": RunState(stored["state"]),
        "attempt": stored["attempt"] or 0,
        "attempt_state": AttemptState(stored["attempt_state"]) if stored["attempt_state"] else None,
        "progress": progress,
        "reason": end_reason or attempt_reason,
        "nothing_to_do": bool(stored["nothing_to_do"]),
        "with_failures": bool(stored["with_failures"]),
        "awaits_approval": bool(asking) and not running,
        "created_by": creator,
        "kind": JobKind(stored["kind"]),
        "trigger": trigger,
    }
    return RunSummary(**values)


def _reason(code: str | None, message: str | None) -> Reason | None:
    return Reason(code, message or "") if code is not None else None


def _instant(stored: str | dt.datetime | None) -> dt.datetime | None:
    """Read a stored instant: text from SQLite, a datetime from PostgreSQL, both UTC without a zone.

    See `tables.Instant`.
    """
    if stored is None:
        return None
    return (dt.datetime.fromisoformat(stored) if isinstance(stored, str) else stored).replace(tzinfo=dt.UTC)
