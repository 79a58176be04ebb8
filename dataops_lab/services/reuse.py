"""The preview of a pipeline run that reuses results: which steps are reused, which run, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ..domain.actors import Actor
from ..domain.pipelines import Step, StepState, StepStatus
from ..domain.reuse import ReuseFate, why_never
from ..domain.runs import Submission
from .context import Services
from .pipelines import prepare


@dataclass(frozen=True)
class StepReuse:
    """The fate of a step, with a sentence. `taken_from` is the run in which the result was made."""

    step: Step
    fate: ReuseFate
    why: str
    taken_from: str | None = None


class _NotKept(Exception):
    """The end of a transaction of which nothing stays."""


def preview(ctx: Services, submission: Submission, *, by: Actor) -> list[StepReuse]:
    """Tell for each step of a pipeline whether a run with reuse would take over its result. It starts nothing.

    The run is added as if it was wanted, and its transaction is given up. So the answer is that of a real run.
    """
    prepared = prepare(ctx, replace(submission, reuse=True, key=None), by=by)
    found: Sequence[StepReuse] = ()
    try:
        with ctx.store.begin() as tx:
            run, _, _ = prepared.add(tx, key=None, request="", by=by, at=ctx.moment())
            statuses = tx.pipelines.get_progress(run.id).statuses
            found = [_fate(step, statuses[step.id]) for step in prepared.pipeline.steps]
            raise _NotKept
    except _NotKept:
        return list(found)


def _fate(step: Step, status: StepStatus) -> StepReuse:
    why = status.reason.message if status.reason else ""
    match status.state:
        case StepState.SUCCEEDED if status.taken_from is not None:
            return StepReuse(step, ReuseFate.REUSED, why, status.taken_from)
        case StepState.RUNNING | StepState.AWAITING_APPROVAL:
            return StepReuse(step, ReuseFate.RUNS, why or why_never(step), status.taken_from)
        case StepState.WAITING:
            before = ", ".join(f"`{need}`" for need in step.needs)
            return StepReuse(step, ReuseFate.LATER, f"It depends on {before}." if before else "It waits.")
        case _:
            return StepReuse(step, ReuseFate.NOT_RUN, why)
