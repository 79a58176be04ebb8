"""Pipeline runs: submitted, brought up to date with their steps, decided on, cancelled and looked at."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ulid import ULID

from ..domain.actors import Actor
from ..domain.approvals import waited_s
from ..domain.durations import LAST, expected_duration
from ..domain.events import run_subject
from ..domain.fan_outs import ItemCounts
from ..domain.jobs import DEFAULT_PROJECT, Job, JobKind
from ..domain.outcomes import first_statuses
from ..domain.pipelines import Pipeline, Step, StepState, StepStatus
from ..domain.plans import Plan, PlannedStep
from ..domain.policy import ObjectKind, Verb
from ..domain.runs import MANUAL, Reason, Run, RunState, Submission, Trigger, TriggerKind
from ..domain.settings import RunSettings, clamp
from ..domain.sweeps import SWEEP_STEP, Sweep
from ..domain.time import Timestamp
from ..domain.versions import Version
from ..errors import Conflict, Forbidden, InvalidRequest, NotFound, StaleWrite, StoreBusy
from ..ports import PartCounts, Transaction
from .context import Services
from .declared_outputs import check_pipeline_paths, decides_to_publish
from .known_items import check_known_items
from .messages import tell_approval_given
from .parameters import check_points
from .permissions import allows
from .pipeline_plans import TakenPipeline, findings_of, make_plan, settings_of, take_pipeline
from .pipeline_progress import end_steps, go_on, pipeline_of
from .placement import Placement, PlacementOverride, kernel_for_rerun, place_rerun
from .reactions import move_runs

log = logging.getLogger("dataops_lab.pipelines")

MAX_COMMENT = 2_000


# --- submitting -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class NewPipelineRun:
    """A pipeline run with all that was decided: nothing can refuse it any more."""

    pipeline: Pipeline
    job: Job
    version: Version
    plan: Plan
    placed: Placement
    parameters: dict[str, Any]
    settings: RunSettings
    trigger: Trigger = MANUAL
    tick_id: str | None = None
    nominal_at: dt.datetime | None = None
    sweep: Sweep | None = None
    reuse: bool = False
    """Whether unchanged steps take over the results of earlier runs."""
    statuses: Mapping[str, StepStatus] | None = None
    """The first status of each step; None: as the pipeline says."""
    taken_over: Callable[[Transaction, Run], None] | None = None
    """A function that adds to the new run those of its steps that need not run."""
    publish: bool = False


@dataclass(frozen=True)
class FirstPipelineRun:
    """A pipeline that was read, with its steps, ready to be stored."""

    ctx: Services
    taken: TakenPipeline

    def add(
        self, tx: Transaction, *, key: str | None, request: str, by: Actor, at: Timestamp
    ) -> tuple[Run, Job, Version]:
        new = self.new_run(tx, by=by, at=at)
        return add_run(self.ctx, tx, new, key=key, request=request, by=by, at=at), new.job, new.version

    def new_run(self, tx: Transaction, *, by: Actor, at: Timestamp) -> NewPipelineRun:
        """Add the versions, and return the run that is still to be added."""
        taken = self.taken
        job, version, plan = make_plan(self.ctx, tx, taken, by=by, at=at)
        settings = settings_of(taken.pipeline, taken.submission, job, taken.placed)
        submission = taken.submission
        environment = taken.placed.environment
        publish = decides_to_publish(self.ctx, TriggerKind.MANUAL, submission.publish, environment, by=by)
        return NewPipelineRun(
            taken.pipeline,
            job,
            version,
            plan,
            taken.placed,
            taken.values,
            settings,
            reuse=submission.reuse,
            publish=publish,
        )

    @property
    def pipeline(self) -> Pipeline:
        return self.taken.pipeline

    @property
    def parameters(self) -> dict[str, Any]:
        return self.taken.values

    @property
    def codes(self) -> Mapping[str, str]:
        """The digest of the version of each step that runs."""
        return {step_id: each.snapshot.manifest.digest for step_id, each in self.taken.steps.items()}


def prepare(ctx: Services, submission: Submission, *, by: Actor) -> FirstPipelineRun:
    """Read the pipeline and take a snapshot of its steps. Refused unless all of it may run there."""
    return FirstPipelineRun(ctx, take_pipeline(ctx, submission, by=by))


@dataclass(frozen=True)
class RepeatedPipelineRun:
    """An earlier pipeline run, ready to run again: with the versions and inputs that its steps had."""

    ctx: Services
    old: Run
    version: Version
    pipeline: Pipeline
    plan: Plan
    placed: Placement
    parameters: dict[str, Any]
    sweep: Sweep | None
    publish: bool

    def add(
        self, tx: Transaction, *, key: str | None, request: str, by: Actor, at: Timestamp
    ) -> tuple[Run, Job, Version]:
        new = self.new_run(tx, by=by, at=at)
        return add_run(self.ctx, tx, new, key=key, request=request, by=by, at=at), new.job, new.version

    def new_run(self, tx: Transaction, *, by: Actor, at: Timestamp) -> NewPipelineRun:  # noqa: ARG002
        """Return the run that is still to be added."""
        old = self.old
        tx.runs.get(old.id)  # Somebody may have deleted it meanwhile, and its versions with it.
        return NewPipelineRun(
            self.pipeline,
            tx.jobs.get(old.job_id),
            self.version,
            self.plan,
            self.placed,
            self.parameters,
            old.settings,
            Trigger(TriggerKind.RERUN, old.id),
            old.tick_id,
            old.nominal_at,
            self.sweep,
            publish=self.publish,
        )

    @property
    def codes(self) -> Mapping[str, str]:
        """The digest of the version of each step that runs."""
        return {step_id: planned.version_digest for step_id, planned in self.plan.items()}


def prepare_rerun(
    ctx: Services,
    old: Run,
    override: PlacementOverride,
    *,
    parameters: dict[str, Any] | None,
    publish: bool | None = None,
    by: Actor,
) -> RepeatedPipelineRun:
    """Prepare another run of the same version. Each step is placed as if it were run again alone."""
    with ctx.store.read() as tx:
        version = tx.versions.get(old.job_id, old.version_digest)
        pipeline = stored_pipeline(ctx, tx, old)
        sweep = tx.pipelines.get_progress(old.id).sweep
        stored = tx.pipelines.get_plan(old.id)
        step_runs = {
            step_id: as_run(old, JobKind(pipeline.by_id[step_id].kind), planned) for step_id, planned in stored.items()
        }
        places = {step_id: place_rerun(ctx, tx, run, override, by=by) for step_id, run in step_runs.items()}
    plan = {
        step_id: replace(
            planned,
            kernel=kernel_for_rerun(ctx, places[step_id], step_runs[step_id]) or planned.kernel,
            settings=clamp(planned.settings, places[step_id].environment.limits),
            image=places[step_id].image,
            resources=places[step_id].resources,
            findings=places[step_id].findings,
        )
        for step_id, planned in stored.items()
    }
    given = old.parameters if parameters is None else parameters
    if sweep is None:
        values = pipeline.parameters.validate(given, word="pipeline")
    else:
        values = check_points(ctx, version.manifest, given, sweep)
    placed = next(iter(places.values()))
    publishes = decides_to_publish(ctx, TriggerKind.RERUN, publish, placed.environment, by=by)
    if sweep is None:
        check_pipeline_paths(pipeline, values, at=ctx.clock.now())
    return RepeatedPipelineRun(ctx, old, version, pipeline, plan, placed, values, sweep, publishes)


def as_run(run: Run, kind: JobKind, planned: PlannedStep) -> Run:
    """Return a run as the step would have had it."""
    return replace(
        run,
        kind=kind,
        kernel=planned.kernel,
        image=planned.image,
        resources=planned.resources,
        findings=planned.findings,
        settings=planned.settings,
    )


def add_run(
    ctx: Services, tx: Transaction, new: NewPipelineRun, *, key: str | None, request: str, by: Actor, at: Timestamp
) -> Run:
    """Add the run, and start what can start, unless it waits for other runs of its pipeline."""
    waits = None
    if new.sweep is None:
        tx.jobs.lock([new.job.id])
        waits = _waits(tx, new.pipeline, new.job)
    run = Run(
        id=str(ULID.from_datetime(at.wall_time)),
        project=DEFAULT_PROJECT,
        job_id=new.job.id,
        version_digest=new.version.digest,
        environment=new.placed.environment.name,
        state=RunState.QUEUED if waits else RunState.ACTIVE,
        parameters=new.parameters,
        kernel=None,
        created_at=at.wall_time,
        created_by=by,
        created_boot=at.boot,
        created_tick=at.tick,
        trigger=new.trigger,
        tick_id=new.tick_id,
        nominal_at=new.nominal_at,
        kind=JobKind.PIPELINE if new.sweep is None else JobKind.SWEEP,
        settings=new.settings,
        key=key,
        request_digest=request,
        started_at=None if waits else at.wall_time,
        reason=waits,
        origin=new.version.origin,
        findings=findings_of(new.plan) if new.sweep is None else new.plan[SWEEP_STEP].findings,
        bypassed_promotion=new.placed.bypassed_promotion,
        publish=new.publish,
    )
    if new.sweep is None:
        check_known_items(ctx, tx, run, new.pipeline, new.plan)
    tx.runs.add(run)
    statuses = first_statuses(new.pipeline) if new.statuses is None else new.statuses
    tx.pipelines.add(run.id, new.plan, statuses, sweep=new.sweep, reuse=new.reuse)
    if new.taken_over is not None:
        new.taken_over(tx, run)
    if not waits:
        go_on(ctx, tx, run, at=at, by=by)
        run = tx.runs.get(run.id)
    return run


def _waits(tx: Transaction, pipeline: Pipeline, job: Job, *, own: str | None = None) -> Reason | None:
    """Return the reason why a run of the job waits for others; None when it may start. `own` is its id."""
    limits = [limit for limit in (pipeline.concurrency, job.concurrency) if limit is not None]
    if not limits:
        return None
    runs = tx.pipelines.list_unfinished_for_job(job.id)
    active = len(runs.get(RunState.ACTIVE, ()))
    # Those that came earlier start earlier.
    ahead = [run_id for run_id in runs.get(RunState.QUEUED, ()) if own is None or run_id < own]
    if active + len(ahead) < min(limits):
        return None
    are = "run of this pipeline is" if active == 1 else "runs of this pipeline are"
    message = f"{active} {are} active, and {min(limits)} may be at once."
    return Reason("waiting_for_pipeline", message, {"in_use": active, "limit": min(limits)})


# --- going on -------------------------------------------------------------------------------------


def react(ctx: Services, tx: Transaction, ended: Sequence[Run], at: dt.datetime) -> None:
    """Move the pipelines on of which runs have ended, and start those that waited for the end of another one."""
    moment = replace(ctx.moment(), wall_time=at)
    parents = dict.fromkeys(run.parent_id for run in ended if run.parent_id is not None)
    for run in tx.runs.get_many(list(parents)).values() if parents else ():
        if run.kind.has_steps and run.state is RunState.ACTIVE and not go_on(ctx, tx, run, at=moment):
            tx.pipelines.record_part_progress(run.id, at=at)
    for job_id in dict.fromkeys(run.job_id for run in ended if run.kind is JobKind.PIPELINE):
        _start_waiting(ctx, tx, job_id, at=moment)


def catch_up(ctx: Services, *, fence: int) -> None:
    """Do for each pipeline run what is open: a reaction may have failed, or a limit may be higher than before."""

    def go_on_with(tx: Transaction, run: Run) -> None:
        if run.state is RunState.ACTIVE:
            go_on(ctx, tx, run, at=ctx.moment())
        elif run.state is RunState.QUEUED:
            _start_waiting(ctx, tx, run.job_id, at=ctx.moment())

    with ctx.store.read() as tx:
        unfinished = tx.pipelines.list_unfinished()
    _for_each(ctx, unfinished, go_on_with, fence=fence)


def _for_each(ctx: Services, run_ids: Sequence[str], work: Callable[[Transaction, Run], None], *, fence: int) -> None:
    """Do the work for each run in a transaction of its own. One that cannot be done holds up no other."""
    for run_id in run_ids:
        try:
            with ctx.store.begin(fence=fence) as tx:
                for run in tx.runs.get_many([run_id]).values():
                    work(tx, run)
        except (StaleWrite, StoreBusy):
            raise
        except Exception:
            log.exception("The pipeline run %s cannot go on; it is tried again later.", run_id)


def _start_waiting(ctx: Services, tx: Transaction, job_id: str, *, at: Timestamp) -> None:
    """Start the runs of this pipeline that wait for others of it, as far as there is room."""
    waiting = tx.pipelines.list_unfinished_for_job(job_id).get(RunState.QUEUED, ())
    if not waiting:
        return
    # Submissions of this pipeline hold its job too, so none counts the runs meanwhile.
    tx.jobs.lock([job_id])
    job = tx.jobs.get(job_id)
    for run in tx.runs.get_many(waiting).values():
        pipeline = pipeline_of(ctx, tx.versions.get(run.job_id, run.version_digest).manifest)
        if run.state is RunState.QUEUED and (pipeline is None or not _waits(tx, pipeline, job, own=run.id)):
            started = run.transition_to(RunState.ACTIVE, started_at=at.wall_time, reason=None)
            tx.runs.transition(run, started)
            go_on(ctx, tx, started, at=at)


# --- clocks ---------------------------------------------------------------------------------------


def keep_time(ctx: Services, *, fence: int) -> float:
    """End what has waited or run too long. Return the seconds until there may be something to do again.

    While people are asked, the clock of the whole run stands still.
    """
    now = ctx.moment()
    with ctx.store.read() as tx:
        runs = tx.runs.get_many(tx.pipelines.list_unfinished())
        approvals = tx.pipelines.list_approvals(list(runs))
    left = {run.id: _left_s(run, approvals.get(run.id, {}), now) for run in runs.values()}
    due = [run_id for run_id, left_s in left.items() if left_s <= 0]
    _for_each(ctx, due, lambda tx, run: _end_what_is_due(ctx, tx, run, now), fence=fence)
    left |= dict.fromkeys(due, _AGAIN_AFTER_S)
    return min(left.values(), default=float("inf"))


_AGAIN_AFTER_S = 1.0


def _left_s(run: Run, approvals: Mapping[str, StepStatus], now: Timestamp) -> float:
    """Return the seconds until a clock of the run, or an approval of it, runs out."""
    due = [status.due_at for status in approvals.values() if _awaits(status) and status.due_at is not None]
    return min([_whole_left_s(run, approvals, now), *((at - now.wall_time).total_seconds() for at in due)])


def _whole_left_s(run: Run, approvals: Mapping[str, StepStatus], now: Timestamp) -> float:
    if run.state is RunState.QUEUED:
        return run.settings.queue_timeout_s - now.seconds_since(run.created)
    if run.state is not RunState.ACTIVE or run.cancel_requested_at is not None or run.started_at is None:
        return float("inf")
    if any(map(_awaits, approvals.values())):
        return float("inf")
    started = run.created if run.started_at == run.created_at else Timestamp(run.started_at)
    return run.settings.total_timeout_s + waited_s(approvals.values()) - now.seconds_since(started)


def await_people_alone(tx: Transaction) -> bool:
    """Tell whether all pipeline runs that have not ended go on only after a decision, theirs or one before it.

    No run of a step is queued or active. Meanwhile nobody needs to keep time: clocks that run out are seen later.
    """
    runs = tx.runs.get_many(tx.pipelines.list_unfinished()).values()
    approvals = tx.pipelines.list_approvals([run.id for run in runs])
    awaiting = [run for run in runs if any(map(_awaits, approvals.get(run.id, {}).values()))]
    jobs = {run.job_id for run in awaiting}
    return all(run in awaiting or (run.state is RunState.QUEUED and run.job_id in jobs) for run in runs)


def _awaits(status: StepStatus) -> bool:
    return status.state is StepState.AWAITING_APPROVAL


def _end_what_is_due(ctx: Services, tx: Transaction, run: Run, now: Timestamp) -> None:
    approvals = tx.pipelines.list_approvals([run.id]).get(run.id, {})
    if run.state is RunState.QUEUED and _whole_left_s(run, approvals, now) <= 0:
        hours = now.seconds_since(run.created) / 3600
        message = f"It waited for {hours:.3g} hours without a start; submit it again if it is wanted."
        _end_unstarted(ctx, tx, run, RunState.EXPIRED, Reason("expired", message), at=now)
    if run.state is not RunState.ACTIVE:
        return
    expired = {
        step_id: replace(status, state=StepState.EXPIRED, reason=_UNDECIDED, finished_at=now.wall_time)
        for step_id, status in approvals.items()
        if _awaits(status) and status.due_at is not None and status.due_at <= now.wall_time
    }
    tx.pipelines.transition(run.id, approvals, expired, at=now.wall_time)
    if _whole_left_s(run, approvals, now) <= 0:
        tx.pipelines.record_timeout(run.id, at=now.wall_time)
    go_on(ctx, tx, run, at=now)


_UNDECIDED = Reason("approval_expired", "Nobody decided in time.")


# --- what people do -------------------------------------------------------------------------------


def cancel(ctx: Services, tx: Transaction, run: Run, *, by: Actor) -> None:
    """End a pipeline run that has not ended. Steps that clean up still run, within their timeouts."""
    at = ctx.moment()
    tx.runs.request_cancel(run.id, at=at.wall_time, by=by)
    run = tx.runs.get(run.id)
    if run.state is RunState.ACTIVE:
        go_on(ctx, tx, run, at=at, by=by)
    else:
        reason = Reason("cancelled", f"Cancelled by {by} before it started.")
        _end_unstarted(ctx, tx, run, RunState.CANCELLED, reason, at=at)


def _end_unstarted(ctx: Services, tx: Transaction, run: Run, state: RunState, reason: Reason, *, at: Timestamp) -> None:
    statuses = tx.pipelines.get_progress(run.id).statuses
    end_steps(tx, run, statuses, {StepState.WAITING: StepState.SKIPPED}, reason, at=at.wall_time)
    move_runs(ctx, tx, [(run, run.transition_to(state, finished_at=at.wall_time, reason=reason))], at=at.wall_time)


def decide(ctx: Services, run_id: str, step_id: str, *, approved: bool, comment: str = "", by: Actor) -> StepView:
    """Approve or reject a step that waits for people. Safe to repeat. Conflict when it does not wait any more."""
    at = ctx.moment()
    with ctx.store.begin() as tx:
        run = tx.runs.get(run_id)
        step, statuses = find_step(ctx, tx, run, step_id), tx.pipelines.get_progress(run.id).statuses
        status = statuses[step_id]
        if step.approval is None:
            raise Conflict(f"`{step_id}` is not an approval: nobody decides on it.", code="not_awaiting")
        if not may_decide(ctx, run, step, by=by):
            raise Forbidden(
                _others_decide(step, run),
                code="not_asked",
                verb=str(Verb.DECIDE),
                object=str(ObjectKind.RUN),
                environment=run.environment,
            )
        wanted = StepState.SUCCEEDED if approved else StepState.REJECTED
        if status.state is wanted and status.decided_at is not None:
            return _view(ctx, tx, run, step, by=by)
        if not _awaits(status):
            raise Conflict(f"`{step_id}` does not wait for a decision; it is {status.state}.", code="not_awaiting")
        if status.due_at is not None and status.due_at <= at.wall_time:
            raise Conflict(f"`{step_id}` waited until {status.due_at:%Y-%m-%d %H:%M} UTC.", code="approval_expired")
        decided = replace(
            status,
            state=wanted,
            reason=None if approved else Reason("rejected", f"Rejected by {by}{f': {comment}' if comment else '.'}"),
            finished_at=at.wall_time,
            decided_at=at.wall_time,
            decided_by=by,
            comment=comment[:MAX_COMMENT],
        )
        tx.pipelines.transition(run.id, statuses, {step_id: decided}, at=at.wall_time, by=by)
        data = {"step": step_id, "approved": approved, "comment": decided.comment, "version": run.version_digest}
        tx.events.add(run_subject(run.id), "run.decided", at=at.wall_time, actor=by, data=data)
        tell_approval_given(tx, run, step, approved=approved, comment=decided.comment, by=by, at=at.wall_time)
        go_on(ctx, tx, run, at=at, by=by)
        return _view(ctx, tx, run, step, by=by)


def may_decide(ctx: Services, run: Run, step: Step, *, by: Actor) -> bool:
    """Tell whether `by` may decide on the approval: people whom it names, else those who may run in its environment."""
    if step.approval is None:
        return False
    if step.approval.who:
        return by.id in step.approval.who
    return allows(
        ctx, by, Verb.DECIDE, ObjectKind.GUARDED_ENVIRONMENT if run.bypassed_promotion else ObjectKind.ENVIRONMENT
    )


def _others_decide(step: Step, run: Run) -> str:
    if step.approval and step.approval.who:
        return f"`{step.id}` asks {', '.join(step.approval.who)}. Ask one of them to decide."
    return f"Those who may run in {run.environment} decide on `{step.id}`. Ask one of them."


def find_step(ctx: Services, tx: Transaction, run: Run, step_id: str) -> Step:
    """Return the step of a pipeline run. NotFound when it has none of this id, Refused for other runs."""
    step = stored_pipeline(ctx, tx, run).step(step_id)
    if step is None:
        raise NotFound(
            f"Run {run.id} has no step `{step_id}`. `jupyter dataops runs show {run.id}` shows its steps.",
            code="step_not_found",
        )
    return step


# --- looking --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StepView:
    """A step with its state in one run. `path` is that of its file from the root of the workspace.

    `run_id` is its only run, which may be a copy that a repair took over; None for a fan-out, which has `counts`.
    """

    step: Step
    status: StepStatus
    path: str | None = None
    job_id: str | None = None
    run_id: str | None = None
    counts: ItemCounts | None = None
    may_decide: bool = False
    run_started_at: dt.datetime | None = None
    """The time at which its only run left the queue."""
    expected_s: float | None = None
    """The seconds that it took before; None while nobody knows."""


def steps(ctx: Services, run_id: str, *, by: Actor) -> Sequence[StepView]:
    """Return the steps of a pipeline run in the order of the file. Refused for other runs."""
    with ctx.store.read() as tx:
        run = tx.runs.get(run_id)
        return _views(ctx, tx, run, stored_pipeline(ctx, tx, run).steps, by=by)


def _view(ctx: Services, tx: Transaction, run: Run, step: Step, *, by: Actor) -> StepView:
    return _views(ctx, tx, run, [step], by=by)[0]


def _views(ctx: Services, tx: Transaction, run: Run, wanted: Sequence[Step], *, by: Actor) -> list[StepView]:
    statuses = tx.pipelines.get_progress(run.id).statuses
    plan = tx.pipelines.get_plan(run.id, [step.id for step in wanted])
    jobs = tx.jobs.get_many([planned.job_id for planned in plan.values()])
    parts = tx.pipelines.list_parts(run.id, [step.id for step in wanted if step.for_each is None])
    counts = tx.pipelines.count_parts(run.id)
    durations = tx.pipelines.list_durations(run.id, last=2 * LAST)
    return [
        StepView(
            step=step,
            status=(status := statuses[step.id]),
            path=jobs[plan[step.id].job_id].path if step.id in plan else None,
            job_id=plan[step.id].job_id if step.id in plan else None,
            run_id=parts[step.id][0].id if step.id in parts else None,
            run_started_at=parts[step.id][0].started_at if step.id in parts and not status.is_taken_over else None,
            expected_s=expected_duration(durations.get(step.id, ())),
            counts=_counts(status, counts.get(step.id)),
            may_decide=_awaits(status) and may_decide(ctx, run, step, by=by),
        )
        for step in wanted
    ]


def _counts(status: StepStatus, counts: PartCounts | None) -> ItemCounts | None:
    if status.items is None:
        return None
    runs, nothing_to_do = counts or PartCounts({}, 0)
    return ItemCounts(len(status.items), runs, nothing_to_do)


def stored_pipeline(ctx: Services, tx: Transaction, run: Run) -> Pipeline:
    """Read the pipeline of a run as it was at its submission. Refused for other runs."""
    if not run.kind.has_steps:
        raise InvalidRequest(f"Run {run.id} is not one of a pipeline: it has no steps.", code="not_a_pipeline")
    sweep = tx.pipelines.get_progress(run.id).sweep if run.kind is JobKind.SWEEP else None
    pipeline = pipeline_of(ctx, tx.versions.get(run.job_id, run.version_digest).manifest, sweep)
    if pipeline is None:
        raise Conflict("The stored file of the pipeline cannot be read any more.", code="pipeline_unreadable")
    return pipeline
