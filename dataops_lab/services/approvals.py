"""The approvals that wait for a decision, of all pipeline runs."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ..domain.actors import Actor
from ..domain.pipelines import Step, StepState
from ..domain.runs import Run, RunSummary
from ..ports import StepCell, Transaction
from . import runs
from .context import Services
from .pipeline_progress import pipeline_of
from .pipelines import may_decide

MAX_LISTED = 500
"""The largest number of approvals in a list. Those that have waited longest come first."""


@dataclass(frozen=True)
class StepBefore:
    """A step that the approval needs, with its run: people look at the record before they decide."""

    step: Step
    run_id: str


@dataclass(frozen=True)
class OpenApproval:
    """An approval that waits, with its pipeline run. `may_decide` is about the person who asks."""

    run: RunSummary
    step: Step
    asked_at: dt.datetime
    due_at: dt.datetime | None
    may_decide: bool
    before: Sequence[StepBefore]


def waiting(ctx: Services, *, by: Actor) -> list[OpenApproval]:
    """List the approvals on which `by` may decide, and those of their own runs. The oldest come first."""
    with ctx.store.read() as tx:
        found = tx.pipelines.list_approvals(tx.pipelines.list_unfinished())
        asking = [
            run_id
            for run_id, statuses in found.items()
            if any(status.state is StepState.AWAITING_APPROVAL for status in statuses.values())
        ][:MAX_LISTED]
        of_runs = tx.runs.get_many(asking)
        cells = tx.pipelines.list_cells(asking)
        steps = {run_id: _steps(ctx, tx, run) for run_id, run in of_runs.items()}
    summaries = runs.summaries(ctx, asking)
    approvals = [
        OpenApproval(
            run=summaries[run.id],
            step=step,
            asked_at=status.started_at,
            due_at=status.due_at,
            may_decide=may_decide(ctx, run, step, by=by),
            before=_before(step, steps[run.id], cells[run.id]),
        )
        for run in of_runs.values()
        for step_id, status in found[run.id].items()
        if status.state is StepState.AWAITING_APPROVAL and status.started_at is not None
        if run.id in summaries and (step := steps[run.id].get(step_id)) is not None
    ]
    concerned = [each for each in approvals if each.may_decide or each.run.created_by.id == by.id]
    return sorted(concerned, key=lambda each: (each.asked_at, each.run.id))[:MAX_LISTED]


def _steps(ctx: Services, tx: Transaction, run: Run) -> dict[str, Step]:
    pipeline = pipeline_of(ctx, tx.versions.get(run.job_id, run.version_digest).manifest)
    return dict(pipeline.by_id) if pipeline else {}


def _before(step: Step, steps: Mapping[str, Step], cells: Mapping[str, StepCell]) -> list[StepBefore]:
    return [
        StepBefore(steps[need], run_id)
        for need in step.needs
        if need in cells and (run_id := cells[need].run_id) is not None
    ]
