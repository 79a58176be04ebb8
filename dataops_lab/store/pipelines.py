"""Pipeline runs and their steps. The runs of the steps are rows of `runs`, with the pipeline's run as their parent."""

from __future__ import annotations

import datetime as dt
import json
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    Connection,
    Row,
    Text,
    bindparam,
    case,
    cast,
    func,
    insert,
    literal_column,
    select,
    text,
    type_coerce,
    update,
)

from ..domain.actors import Actor
from ..domain.deserialization import from_known_fields
from ..domain.events import run_subject
from ..domain.jobs import JobKind
from ..domain.pipelines import Item, StepState, StepStatus, Tolerance, split_parent_key
from ..domain.plans import Plan
from ..domain.runs import AttemptState, Run, RunState, TriggerKind
from ..domain.sweeps import Sweep
from ..errors import NotFound, StaleWrite
from ..ports import ItemRun, Part, PartCounts, PipelineProgress, StepCell
from . import reasons
from . import tables as t
from .actors import SqlActors
from .events import SqlEvents
from .filters import NO_POINT
from .locks import with_row_lock
from .plans import plan_columns, planned_step


class SqlPipelines:
    def __init__(self, connection: Connection, events: SqlEvents, actors: SqlActors) -> None:
        self._connection = connection
        self._events = events
        self._actors = actors

    def add(
        self,
        run_id: str,
        plan: Plan,
        statuses: Mapping[str, StepStatus],
        *,
        sweep: Sweep | None = None,
        reuse: bool = False,
    ) -> None:
        inherited = next((step.kernel.inherited for step in plan.values() if step.image is None), {})
        row = {
            "run_id": run_id,
            "inherited": inherited,
            "sweep": asdict(sweep) if sweep else None,
            "points": sweep.size if sweep else None,
            "reuse": reuse,
        }
        self._connection.execute(_INSERT_RUN, row)
        rows = [
            {
                "run_id": run_id,
                "step_id": step_id,
                "position": position,
                **(plan_columns(planned) if (planned := plan.get(step_id)) else _NO_PLAN),
                **_columns(status),
            }
            for position, (step_id, status) in enumerate(statuses.items())
        ]
        self._connection.execute(_INSERT_STEP, rows)

    def get_progress(self, run_id: str) -> PipelineProgress:
        run = self._connection.execute(_RUN, {"run_id": run_id}).one_or_none()
        if run is None:
            raise NotFound(f"Run {run_id} is not a pipeline's: it has no steps.")
        rows = self._connection.execute(_STATUSES, {"run_id": run_id})
        statuses = {row.step_id: _status(row, self._actors) for row in rows}
        sweep = _sweep(run.sweep) if run.sweep else None
        return PipelineProgress(statuses, run.timed_out_at, sweep=sweep, reuse=run.reuse)

    def get_plan(self, run_id: str, step_ids: Collection[str] | None = None) -> Plan:
        inherited = self._connection.scalar(_INHERITED, {"run_id": run_id}) or {}
        rows = self._connection.execute(_PLAN, {"run_id": run_id})
        return {
            row.step_id: planned_step(row, inherited)
            for row in rows
            if row.job_id is not None and (step_ids is None or row.step_id in step_ids)
        }

    def transition(
        self,
        run_id: str,
        before: Mapping[str, StepStatus],
        after: Mapping[str, StepStatus],
        *,
        at: dt.datetime,
        by: Actor | None = None,
    ) -> None:
        rows = [
            {**_columns(status), "of_run": run_id, "of_step": step_id, "of_state": before[step_id].state}
            for step_id, status in after.items()
        ]
        if rows and self._connection.execute(_MOVE, rows).rowcount != len(rows):
            were = ", ".join(f"step {step_id} {before[step_id].state}" for step_id in after)
            raise StaleWrite(f"No longer so, in whole or in part: {were} of run {run_id}.")
        for step_id, status in after.items():
            self._events.add(run_subject(run_id), f"step.{status.state}", at=at, actor=by, data={"step": step_id})

    def record_part_progress(self, run_id: str, *, at: dt.datetime) -> None:
        self._events.add(run_subject(run_id), "step.progress", at=at)

    def record_timeout(self, run_id: str, *, at: dt.datetime) -> None:
        self._connection.execute(_TIME_OUT, {"of_run": run_id, "timed_out_at": at})

    def list_parts(self, run_id: str, step_ids: Collection[str]) -> Mapping[str, Sequence[Part]]:
        found: defaultdict[str, list[Part]] = defaultdict(list)
        for row in self._connection.execute(_PARTS, {"run_id": run_id, "steps": list(step_ids)}):
            step_id, key = split_parent_key(row.parent_key)
            reason = reasons.from_json(row.reason)
            found[step_id].append(Part(row.id, key, RunState(row.state), reason, row.nothing_to_do, row.started_at))
        return found

    def list_item_runs(self, run_id: str, step_id: str) -> Sequence[ItemRun]:
        return [
            ItemRun(
                row.id,
                split_parent_key(row.parent_key)[1] or "",
                RunState(row.state),
                AttemptState(row.attempt_state) if row.attempt_state else None,
                row.parameters,
                reasons.from_json(row.reason),
                row.started_at,
                row.finished_at,
            )
            for row in self._connection.execute(_ITEM_RUNS, {"run_id": run_id, "step": step_id})
        ]

    def count_parts(self, run_id: str) -> Mapping[str, PartCounts]:
        runs: defaultdict[str, dict[RunState, int]] = defaultdict(dict)
        idle: defaultdict[str, int] = defaultdict(int)
        for step_id, state, count, had_nothing_to_do in self._connection.execute(_COUNTS, {"run_id": run_id}):
            runs[step_id][RunState(state)] = count
            idle[step_id] += had_nothing_to_do
        return {step_id: PartCounts(of_step, idle[step_id]) for step_id, of_step in runs.items()}

    def count_ended_parts(self, run_id: str) -> int:
        return self._connection.scalar(_ENDED_PARTS, {"run_id": run_id}) or 0

    def list_unfinished_parts(self, run_id: str, step_ids: Collection[str]) -> Sequence[str]:
        query = with_row_lock(self._connection, _ALIVE_PARTS)
        return list(self._connection.scalars(query, {"run_id": run_id, "steps": list(step_ids)}))

    def list_part_ids(self, run_ids: Collection[str]) -> Mapping[str, Sequence[str]]:
        found: dict[str, list[str]] = {run_id: [] for run_id in run_ids}
        for row in self._connection.execute(_PART_IDS, {"run_ids": list(found)}):
            found[row.parent_id].append(row.id)
        return found

    def lock_parents(self, part_ids: Collection[str]) -> None:
        self._connection.execute(with_row_lock(self._connection, _PARENTS), {"ids": list(part_ids)})

    def list_unfinished(self) -> Sequence[str]:
        return list(self._connection.scalars(_UNFINISHED))

    def list_unfinished_for_job(self, job_id: str) -> Mapping[RunState, Sequence[str]]:
        found: defaultdict[RunState, list[str]] = defaultdict(list)
        for row in self._connection.execute(_UNFINISHED_OF, {"job_id": job_id}):
            found[RunState(row.state)].append(row.id)
        return found

    def list_repairs(self, run: Run) -> Sequence[str]:
        return list(self._connection.scalars(_REPAIRS, {"job_id": run.job_id, "run_id": run.id}))

    def find_results(self, fingerprints: Collection[str]) -> Mapping[str, str]:
        rows = self._connection.execute(_RESULTS, {"fingerprints": list(fingerprints)})
        # Copies come first, so those that really ran replace them.
        return {row.fingerprint: row.id for row in sorted(rows, key=lambda row: not row.is_copy)}

    def find_last_success(self, job_id: str, step_id: str) -> str | None:
        return self._connection.scalar(_LAST_SUCCESS, {"job_id": job_id, "step_id": step_id})

    def list_durations(self, run_id: str, *, last: int) -> Mapping[str, Sequence[float]]:
        found: defaultdict[str, list[float]] = defaultdict(list)
        for row in self._connection.execute(_DURATIONS, {"run_id": run_id, "last": last}):
            if row.began is not None and row.ended is not None and row.image == row.own_image:
                found[row.step_id].append((row.ended - row.began).total_seconds())
        return found

    def list_cells(self, run_ids: Collection[str]) -> Mapping[str, Mapping[str, StepCell]]:
        counts: defaultdict[tuple[str, str], dict[RunState, int]] = defaultdict(dict)
        idle: defaultdict[tuple[str, str], int] = defaultdict(int)
        first: dict[tuple[str, str], str] = {}
        given = {"run_ids": list(run_ids)}
        for row in self._connection.execute(_COUNTS_OF_MANY, given):
            place = row.parent_id, row.parent_step
            counts[place][RunState(row.state)] = row.parts
            idle[place] += row.idle
            first[place] = row.first
        found: dict[str, dict[str, StepCell]] = {run_id: {} for run_id in run_ids}
        for row in self._connection.execute(_CELLS, given):
            place = row.run_id, row.step_id
            found[row.run_id][row.step_id] = StepCell(
                StepState(row.state),
                reasons.from_json(row.reason),
                row.with_failures,
                row.nothing_to_do,
                row.started_at,
                row.finished_at,
                row.taken_from,
                run_id=None if row.is_fan_out else first.get(place),
                parts=PartCounts(counts[place], idle[place]) if row.is_fan_out else None,
            )
        return found

    def list_approvals(self, run_ids: Collection[str]) -> Mapping[str, Mapping[str, StepStatus]]:
        found: defaultdict[str, dict[str, StepStatus]] = defaultdict(dict)
        for row in self._connection.execute(_APPROVALS, {"run_ids": list(run_ids)}):
            found[row.run_id][row.step_id] = _status(row, self._actors)
        return found


_R, _S = t.runs.c, t.pipeline_steps.c
_INSERT_RUN, _INSERT_STEP = insert(t.pipeline_runs), insert(t.pipeline_steps)
_OF_RUN = _S.run_id == bindparam("run_id")
_P = t.pipeline_runs.c
_RUN = select(_P.timed_out_at, _P.sweep, _P.reuse).where(_P.run_id == bindparam("run_id"))
_INHERITED = select(_P.inherited).where(_P.run_id == bindparam("run_id"))
_STATUS = [
    *(
        _S[name]
        for name in (
            "step_id", "state", "reason", "with_failures", "nothing_to_do", "started_at", "finished_at", "due_at",
            "decided_at", "decided_by", "comment", "taken_from",
        )
    ),
    # As text: see `_items`.
    type_coerce(_S["items"], Text).label("items"),
]  # fmt: skip
_STATUSES = select(*_STATUS).where(_OF_RUN).order_by(_S.position)
_PLAN = select(_S.step_id, _S.job_id, _S.version_digest, _S.inputs_digest, _S.plan).where(_OF_RUN).order_by(_S.position)
_MOVE = update(t.pipeline_steps).where(
    _S.run_id == bindparam("of_run"), _S.step_id == bindparam("of_step"), _S.state == bindparam("of_state")
)
_TIME_OUT = update(t.pipeline_runs).where(
    t.pipeline_runs.c.run_id == bindparam("of_run"), t.pipeline_runs.c.timed_out_at.is_(None)
)
_OF_STEPS = (_R.parent_id == bindparam("run_id"), _R.parent_step.in_(bindparam("steps", expanding=True)))
_PARTS = (
    select(_R.id, _R.parent_key, _R.state, _R.reason, _R.nothing_to_do, _R.started_at).where(*_OF_STEPS).order_by(_R.id)
)
_A = t.attempts.c
_LATEST = select(_A.state).where(_A.run_id == _R.id).order_by(_A.number.desc()).limit(1).scalar_subquery()
_ITEM_RUNS = (
    select(
        *(_R[name] for name in ("id", "parent_key", "state", "parameters", "reason", "started_at", "finished_at")),
        _LATEST.label("attempt_state"),
    )
    .where(_R.parent_id == bindparam("run_id"), _R.parent_step == bindparam("step"))
    .order_by(_R.id)
)
_ALIVE = [str(state) for state in RunState if not state.is_terminal]
_ALIVE_PARTS = select(_R.id).where(*_OF_STEPS, _R.state.in_(_ALIVE)).order_by(_R.id)
_COUNTS = (
    select(_R.parent_step, _R.state, func.count(), func.count(case((_R.nothing_to_do, 1))))
    .where(_R.parent_id == bindparam("run_id"))
    .group_by(_R.parent_step, _R.state)
)
_ENDED_PARTS = select(func.count()).where(_R.parent_id == bindparam("run_id"), _R.state.not_in(_ALIVE))
_OF_RUNS: BindParameter[Any] = bindparam("run_ids", expanding=True)
_COUNTS_OF_MANY = (
    select(
        _R.parent_id,
        _R.parent_step,
        _R.state,
        func.count().label("parts"),
        func.count(case((_R.nothing_to_do, 1))).label("idle"),
        func.min(_R.id).label("first"),
    )
    .where(_R.parent_id.in_(_OF_RUNS))
    .group_by(_R.parent_id, _R.parent_step, _R.state)
)
# The items may have megabytes, so they stay where they are.
_CELLS = (
    select(
        *(_S[name] for name in ("run_id", "step_id", "state", "reason", "with_failures", "nothing_to_do")),
        *(_S[name] for name in ("started_at", "finished_at", "taken_from")),
        (func.substr(cast(_S["items"], Text), 1, 1) == "[").label("is_fan_out"),
    )
    .where(_S.run_id.in_(_OF_RUNS))
    .order_by(_S.run_id, _S.position)
)
_PART_IDS = select(_R.id, _R.parent_id).where(_R.parent_id.in_(bindparam("run_ids", expanding=True))).order_by(_R.id)
_part = t.runs.alias("part")
_PARENTS = (
    select(_R.id)
    .where(
        _R.id.in_(
            select(_part.c.parent_id).where(
                _part.c.id.in_(bindparam("ids", expanding=True)), _part.c.parent_id.is_not(None)
            )
        )
    )
    .order_by(_R.id)
)
_HAS_STEPS = _R.kind.in_([str(kind) for kind in JobKind if kind.has_steps])
_UNFINISHED = select(_R.id).where(_R.state.in_(_ALIVE), _HAS_STEPS).order_by(_R.id)
_UNFINISHED_OF = (
    select(_R.id, _R.state)
    .where(_R.job_id == bindparam("job_id"), _R.state.in_(_ALIVE), _HAS_STEPS, text(NO_POINT))
    .order_by(_R.id)
)
# A repair is a run of the same job, which an index finds.
_REPAIRS = (
    select(_R.id)
    .where(
        _R.job_id == bindparam("job_id"),
        _R.trigger_kind == str(TriggerKind.REPAIR),
        _R.trigger_ref == bindparam("run_id"),
        text(NO_POINT),
    )
    .order_by(_R.id)
)
_SUCCEEDED = str(RunState.SUCCEEDED)
_is_copy = (_R.trigger_kind == str(TriggerKind.TAKEN_OVER)).label("is_copy")
_RESULTS = (
    select(_R.fingerprint, _is_copy, func.max(_R.id).label("id"))
    .where(
        _R.fingerprint.in_(bindparam("fingerprints", expanding=True)),
        _R.fingerprint.is_not(None),
        _R.state == _SUCCEEDED,
    )
    .group_by(_R.fingerprint, _is_copy)
)
_LAST_SUCCESS = (
    select(_R.id)
    .where(
        _R.job_id == bindparam("job_id"),
        _R.state == _SUCCEEDED,
        _R.parent_key == bindparam("step_id"),
        _R.fingerprint.is_not(None),
        _R.trigger_kind != str(TriggerKind.TAKEN_OVER),
        text(NO_POINT),
    )
    .order_by(_R.id.desc())
    .limit(1)
)
_own, _before = t.pipeline_steps.alias("own"), t.pipeline_steps.alias("before")
# The conditions are those of its index.
_newest = (
    select(_before.c.run_id)
    .where(
        _before.c.job_id == _own.c.job_id,
        _before.c.step_id == _own.c.step_id,
        _before.c.run_id < _own.c.run_id,
        _before.c.state == literal_column(f"'{_SUCCEEDED}'"),
        _before.c.started_at.is_not(None),
    )
    .order_by(_before.c.run_id.desc())
    .limit(bindparam("last"))
    .correlate(_own)
)
# Single steps have a run, which tells when it left the queue.
_DURATIONS = (
    select(
        _S.step_id,
        func.coalesce(_part.c.started_at, _S.started_at).label("began"),
        func.coalesce(_part.c.finished_at, _S.finished_at).label("ended"),
        _S.plan["image"]["digest"].as_string().label("image"),
        _own.c.plan["image"]["digest"].as_string().label("own_image"),
    )
    .select_from(_own)
    .join(t.pipeline_steps, (_S.step_id == _own.c.step_id) & _S.run_id.in_(_newest))
    .outerjoin(_part, (_part.c.parent_id == _S.run_id) & (_part.c.parent_key == _S.step_id))
    .where(_own.c.run_id == bindparam("run_id"), _own.c.job_id.is_not(None))
    .order_by(_S.run_id.desc())
)
# An approval runs nothing and so has no job.
_APPROVALS = (
    select(_S.run_id, *_STATUS)
    .where(_S.run_id.in_(bindparam("run_ids", expanding=True)), _S.job_id.is_(None), _S.started_at.is_not(None))
    .order_by(_S.run_id, _S.position)
)


def _sweep(stored: Mapping[str, Any]) -> Sweep:
    return Sweep(
        values={name: tuple(values) for name, values in stored["values"].items()},
        concurrency=stored["concurrency"],
        max_failures=from_known_fields(Tolerance, stored["max_failures"]),
    )


_NO_PLAN = {"job_id": None, "version_digest": None, "inputs_digest": None, "plan": None}


def _columns(status: StepStatus) -> dict[str, Any]:
    return {
        **vars(status),
        "reason": reasons.to_json(status.reason),
        "items": None if status.items is None else [[item.key, item.value] for item in status.items],
    }


@lru_cache(maxsize=16)
def _items(stored: str) -> tuple[Item, ...] | None:
    """Read the items of a fan-out, which never change.

    The engine reads the statuses at the end of each item, so that the items of a thousand would be read a thousand
    times.
    """
    pairs = json.loads(stored)
    return None if pairs is None else tuple(Item(*pair) for pair in pairs)


def _status(row: Row[Any], actors: SqlActors) -> StepStatus:
    values = {name: value for name, value in row._mapping.items() if name not in ("run_id", "step_id")}
    return StepStatus(
        **{
            **values,
            "state": StepState(values["state"]),
            "reason": reasons.from_json(values["reason"]),
            "items": _items(values["items"]),
            "decided_by": actors.find(values["decided_by"]),
        }
    )
