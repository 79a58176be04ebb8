"""The search for the runs that a filter means. It uses narrow indexes alone.

So a page takes a few short walks, even among a million runs. The statements are text that SQLite and PostgreSQL both
take, so that a short command reads without SQLAlchemy.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping
from itertools import product
from typing import Any

from ..domain.runs import TriggerKind
from ..domain.sweeps import SWEEP_STEP
from ..errors import InvalidRequest
from ..ports import RunFilter

Execute = Callable[[str, Mapping[str, Any]], Iterable[Any]]
"""A function that runs a statement with named parameters, and returns its rows."""

NO_POINT = f"(parent_step IS NULL OR parent_step <> '{SWEEP_STEP}')"
"""The condition for all runs but the points of sweeps. The indexes of the runs of a job have the same words."""

NO_COPY = f"trigger_kind <> '{TriggerKind.TAKEN_OVER}'"
"""The condition for all runs but the copies of results that a repair took over."""

MAX_LIMIT = 500
MAX_JOBS = 500
"""The most jobs found by a text whose ids go into the statement. More jobs become a condition like any other."""


def check_page(limit: int, cursor: str | None) -> None:
    if not 1 <= limit <= MAX_LIMIT:
        raise InvalidRequest(f"`limit` must lie between 1 and {MAX_LIMIT}.")
    if cursor is not None and not (cursor.isalnum() and len(cursor) == 26):
        raise InvalidRequest("`cursor` is not one that a list gave; start again without it.")


def newest_ids(execute: Execute, where: RunFilter, *, limit: int, cursor: str | None) -> tuple[str, dict[str, Any]]:
    """Build the query for the ids of the newest `limit` runs before `cursor`, in no order, and its parameters."""
    conditions, parameters = _conditions(where, cursor)
    # A pipeline has few runs beside all that failed: no walk over a state may look for them.
    state = "state || ''" if where.parent_id else "state"
    states = [f"{state} = :state{number}" for number, _ in enumerate(where.states)] or [""]
    parameters |= {f"state{number}": str(state) for number, state in enumerate(where.states)}
    text_conditions = _text_conditions(execute, where.text, parameters) if where.text else [""]
    # There is one walk for each state and for each way to find a text. Each walk ends after `limit` runs, and together
    # they hold the newest. A condition with `or` or `in` would walk all runs, or sort them.
    index_scans = [_index_scan([*conditions, state, text]) for state, text in product(states, text_conditions)]
    parameters["limit"] = limit
    if len(index_scans) == 1:
        return index_scans[0], parameters
    return f"SELECT id FROM ({' UNION '.join(index_scans)}) AS found ORDER BY id DESC LIMIT :limit", parameters


def _index_scan(conditions: list[str]) -> str:
    condition = " AND ".join(filter(None, conditions))
    where = f"WHERE {condition}" if condition else ""
    return f"SELECT id FROM (SELECT id FROM runs {where} ORDER BY id DESC LIMIT :limit) AS walk"


def _conditions(where: RunFilter, cursor: str | None) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    parameters: dict[str, Any] = {}

    def add(condition: str, **values: Any) -> None:
        conditions.append(condition)
        parameters.update(values)

    if cursor is not None:
        add("id < :cursor", cursor=cursor)
    if where.job_id:
        add("job_id = :job_id", job_id=where.job_id)
    if where.environment:
        add("environment = :environment", environment=where.environment)
    if where.created_by:
        add("created_by = :created_by", created_by=where.created_by)
    if where.parent_id:
        add("parent_id = :parent_id", parent_id=where.parent_id)
    elif where.job_id:
        add(NO_POINT)
        add(NO_COPY)
    else:
        add("parent_id IS NULL")
    if where.step:
        add("parent_step = :step", step=where.step)
    if where.created_after:
        # The id is compared too: it holds the time, and the indexes are ordered by it.
        add("created_at >= :after", after=_stored_time(where.created_after))
        add("id >= :after_id", after_id=_first_id(where.created_after))
    if where.created_before:
        add("created_at < :before", before=_stored_time(where.created_before))
        add("id < :before_id", before_id=_first_id(where.created_before, later_ms=1))
    return conditions, parameters


def _stored_time(moment: dt.datetime) -> str:
    """Write an instant as `tables.Instant` stores it on SQLite; PostgreSQL reads that too."""
    return moment.astimezone(dt.UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _first_id(moment: dt.datetime, *, later_ms: int = 0) -> str:
    """Return an id that comes before the ids of all runs that were created at `moment` or later."""
    from ulid import ULID

    millis = max(0, int(moment.timestamp() * 1000) + later_ms)
    return str(ULID.from_bytes(millis.to_bytes(6, "big") + bytes(10)))


_NAME_OR_PATH_MATCHES = """lower(name) LIKE lower(:text) ESCAPE '/'
            OR EXISTS (SELECT 1 FROM workspace_roots WHERE workspace_roots.workspace_id = jobs.workspace_id
                       AND lower(root || '/' || path) LIKE lower(:text) ESCAPE '/')"""


def _text_conditions(execute: Execute, text: str, parameters: dict[str, Any]) -> list[str]:
    escaped = text.replace("/", "//").replace("%", "/%").replace("_", "/_")
    parameters["text"] = f"%{escaped}%"
    reason_matches = "said IS NOT NULL AND lower(said) LIKE lower(:text) ESCAPE '/'"
    rows = execute(
        f"SELECT id FROM jobs WHERE {_NAME_OR_PATH_MATCHES} LIMIT :most",
        {"text": parameters["text"], "most": MAX_JOBS + 1},
    )
    jobs = {f"job{number}": row[0] for number, row in enumerate(rows)}
    if not jobs:
        return [reason_matches]
    if len(jobs) > MAX_JOBS:
        return [f"job_id IN (SELECT id FROM jobs WHERE {_NAME_OR_PATH_MATCHES})", reason_matches]
    parameters |= jobs
    return [f"job_id IN ({', '.join(f':{name}' for name in jobs)})", reason_matches]
