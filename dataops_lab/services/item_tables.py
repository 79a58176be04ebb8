"""The items of a fan-out, or the points of a sweep, as a table: what each was given, and what it recorded."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..domain.jobs import JobKind
from ..domain.parameters import Json
from ..domain.pipelines import StepState
from ..domain.runs import MAX_SUMMARY_MESSAGE, Reason, run_phase
from ..domain.sweeps import SWEEP_STEP
from ..errors import InvalidRequest, NotFound
from .context import Services
from .pipelines import stored_pipeline

MAX_COLUMNS = 50
"""The largest number of columns for parameters, and of those for values."""
MAX_TEXT = 200


@dataclass(frozen=True)
class ItemRow:
    """One item. It has no run before it starts; `phase` is then the state of a step that waits or did not start."""

    key: str
    run_id: str | None
    phase: str
    parameters: Mapping[str, Json]
    values: Mapping[str, Json]
    reason: Reason | None = None
    started_at: dt.datetime | None = None
    finished_at: dt.datetime | None = None


@dataclass(frozen=True)
class ItemTable:
    """The rows are in the order of the items. `parameters` and `values` are the names of the columns.

    A parameter that is the same for all items has no column. A value is a number, a text, true, false or null; of a
    list or mapping only the size is told.
    """

    parameters: Sequence[str]
    values: Sequence[str]
    rows: Sequence[ItemRow]


def table(ctx: Services, run_id: str, step_id: str | None = None) -> ItemTable:
    """Return the table of a fan-out, or of a sweep, which needs no `step_id`."""
    with ctx.store.read() as tx:
        run = tx.runs.get(run_id)
        pipeline = stored_pipeline(ctx, tx, run)
        if run.kind is JobKind.SWEEP:
            step_id = SWEEP_STEP
        if step_id is None:
            raise InvalidRequest(f"Run {run.id} is a pipeline. Name the step whose items you want.")
        step = pipeline.step(step_id)
        if step is None:
            raise NotFound(f"Run {run.id} has no step `{step_id}`.", code="step_not_found")
        if step.for_each is None:
            raise InvalidRequest(f"`{step_id}` is not a fan-out: it has no items.", code="no_items")
        status = tx.pipelines.get_progress(run.id).statuses[step_id]
        runs = {item_run.item_key: item_run for item_run in tx.pipelines.list_item_runs(run.id, step_id)}
        recorded = tx.records.find_values_for_runs([item_run.id for item_run in runs.values()])
    absent = "skipped" if status.state.has_ended else str(StepState.WAITING)
    rows = []
    for item in status.items or ():
        found = runs.get(item.key)
        if found is None:
            given = item.value if step.for_each.is_grid else {}
            rows.append(ItemRow(item.key, None, absent, _shown(given), {}))
            continue
        reason = found.reason
        rows.append(
            ItemRow(
                item.key,
                found.id,
                run_phase(found.state, found.attempt_state),
                _shown(found.parameters),
                _shown(recorded.get(found.id, {})),
                Reason(reason.code, reason.message[:MAX_SUMMARY_MESSAGE]) if reason else None,
                found.started_at,
                found.finished_at,
            )
        )
    return ItemTable(_differing([row.parameters for row in rows]), _names([row.values for row in rows]), rows)


def _shown(values: Mapping[str, Json]) -> dict[str, Json]:
    return {name: _brief(value) for name, value in values.items()}


def _brief(value: Json) -> Json:
    if isinstance(value, str) and len(value) > MAX_TEXT:
        return f"{value[:MAX_TEXT]}…"
    if isinstance(value, (list, dict)):
        word = "items" if isinstance(value, list) else "members"
        return f"{len(value)} {word}"
    return value


def _names(mappings: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))[:MAX_COLUMNS]


def _differing(parameters: Sequence[Mapping[str, Json]]) -> list[str]:
    """Return the names whose values differ, all names when none does."""
    names = _names(parameters)
    differing = [name for name in names if len({repr(mapping.get(name)) for mapping in parameters}) > 1]
    return differing or names
