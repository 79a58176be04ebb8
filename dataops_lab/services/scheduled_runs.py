"""Runs of schedules: the stored version, on the data of now, with the rights of the owner of the schedule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Protocol

from ..domain.inputs import Inputs, Pins
from ..domain.jobs import Job, JobKind
from ..domain.pipelines import Pipeline
from ..domain.plans import Plan, PlannedStep
from ..domain.publications import publishes
from ..domain.runs import Run, RunState, Trigger, TriggerKind
from ..domain.schedules import Schedule
from ..domain.settings import GivenSettings, clamp
from ..domain.snapshots import KernelChoice
from ..domain.ticks import Tick, TickKind
from ..domain.time import Timestamp
from ..domain.versions import Manifest, Version
from ..errors import Conflict, Refused
from ..ports import Transaction
from .context import Services
from .declared_outputs import check_paths, check_pipeline_paths, list_published_paths
from .pipeline_plans import settings_of
from .pipeline_progress import pipeline_of
from .pipelines import NewPipelineRun, add_run, as_run
from .placement import NO_OVERRIDE, Placement, kernel_for_rerun, place_rerun
from .runs import Order, queue_run

SINGLE = ""
"""The step of a plan that is the job itself."""

_TRIGGERS = {
    TickKind.TIME: TriggerKind.SCHEDULE,
    TickKind.MANUAL: TriggerKind.SCHEDULE,
    TickKind.JOB: TriggerKind.JOB,
    TickKind.FILES: TriggerKind.FILES,
    TickKind.WEBHOOK: TriggerKind.WEBHOOK,
    TickKind.BACKFILL: TriggerKind.BACKFILL,
}


class ScheduledRun(Protocol):
    """A run that was placed and whose data are stored. It serves all ticks of a schedule that are due together."""

    def add(self, tx: Transaction, tick: Tick, parameters: Mapping[str, Any], *, at: Timestamp) -> Run:
        """Add the run of a tick. InvalidParameters when the version does not take them."""
        ...


@dataclass(frozen=True)
class _Placed:
    """A step with its place, its kernel and its data, all as they are now."""

    planned: PlannedStep
    placed: Placement
    inputs: Inputs


@dataclass(frozen=True)
class _SingleRun:
    schedule: Schedule
    version: Version
    step: _Placed

    def add(self, tx: Transaction, tick: Tick, parameters: Mapping[str, Any], *, at: Timestamp) -> Run:
        step, manifest = self.step, self.version.manifest
        values = manifest.parameters.validate(dict(parameters), word=manifest.kind)
        check_paths(manifest, [("", values)], at=tick.nominal or at.wall_time)
        trigger = Trigger(_TRIGGERS[tick.kind], tick.id)
        order = Order(
            version=self.version,
            placed=step.placed,
            kernel=step.planned.kernel,
            parameters=values,
            settings=step.planned.settings,
            trigger=trigger,
            publish=publishes(trigger.kind),
            tick_id=tick.id,
            nominal_at=tick.nominal,
            origin=step.planned.origin,
            findings=step.placed.findings,
            inputs_digest=tx.inputs.put(step.inputs),
            key=tick.id,
            request_digest=tick.id,
        )
        return queue_run(tx, order, by=self.schedule.owner, at=at)


@dataclass(frozen=True)
class _PipelineRun:
    ctx: Services
    schedule: Schedule
    version: Version
    pipeline: Pipeline
    steps: Mapping[str, _Placed]

    def add(self, tx: Transaction, tick: Tick, parameters: Mapping[str, Any], *, at: Timestamp) -> Run:
        values = self.pipeline.parameters.validate(dict(parameters), word="pipeline")
        check_pipeline_paths(self.pipeline, values, at=tick.nominal or at.wall_time)
        trigger = Trigger(_TRIGGERS[tick.kind], tick.id)
        plan: Plan = {
            step_id: replace(step.planned, inputs_digest=tx.inputs.put(step.inputs))
            for step_id, step in self.steps.items()
        }
        job = tx.jobs.get(self.schedule.job_id)
        placed = next(iter(self.steps.values())).placed
        new = NewPipelineRun(
            pipeline=self.pipeline,
            job=job,
            version=self.version,
            plan=plan,
            placed=placed,
            parameters=values,
            settings=settings_of(self.pipeline, GivenSettings(), job, placed),
            trigger=trigger,
            publish=publishes(trigger.kind),
            tick_id=tick.id,
            nominal_at=tick.nominal,
        )
        return add_run(self.ctx, tx, new, key=tick.id, request=tick.id, by=self.schedule.owner, at=at)


def prepare(ctx: Services, schedule: Schedule) -> ScheduledRun:
    """Place the run of a schedule as if its owner submitted it now, and take its data. It writes no row.

    Refused, Forbidden and the like when it may not run there any more.
    """
    with ctx.store.read() as tx:
        plan = tx.schedules.get_plan(schedule.id)
        version = tx.versions.get(schedule.job_id, schedule.version_digest)
        versions = tx.versions.get_many([(step.job_id, step.version_digest) for step in plan.values()])
        jobs = tx.jobs.get_many([step.job_id for step in plan.values()])
        stored = {
            step_id: as_run(
                _like_a_run(schedule, planned), versions[planned.job_id, planned.version_digest].manifest.kind, planned
            )
            for step_id, planned in plan.items()
        }
        places = {step_id: place_rerun(ctx, tx, run, NO_OVERRIDE, by=schedule.owner) for step_id, run in stored.items()}
    steps = {}
    for step_id, planned in plan.items():
        manifest = versions[planned.job_id, planned.version_digest].manifest
        placed = places[step_id]
        now = replace(
            planned,
            kernel=_kernel(ctx, placed, stored[step_id], planned),
            settings=clamp(planned.settings, placed.environment.limits),
            image=placed.image,
            resources=placed.resources,
            findings=placed.findings,
        )
        steps[step_id] = _Placed(now, placed, _take_inputs(ctx, jobs[planned.job_id], manifest, planned))
    if version.manifest.kind is not JobKind.PIPELINE:
        return _SingleRun(schedule, version, steps[SINGLE])
    pipeline = pipeline_of(ctx, version.manifest)
    if pipeline is None:
        raise Conflict("The stored file of the pipeline cannot be read any more.", code="pipeline_unreadable")
    return _PipelineRun(ctx, schedule, version, pipeline, steps)


def root_of(job: Job, manifest: Manifest) -> str:
    """Return the folder from which the paths of a version count on this machine. Refused when its source has moved."""
    if not job.source.endswith(f"/{manifest.path}"):
        raise Refused(
            f"{job.name} lies at another path than the scheduled version had ({manifest.path}). Update the schedule to "
            "the working version.",
            code="source_moved",
            path=manifest.path,
        )
    return job.source.removesuffix(f"/{manifest.path}") or "/"


def _take_inputs(ctx: Services, job: Job, manifest: Manifest, planned: PlannedStep) -> Inputs:
    try:
        return ctx.notebooks.take_inputs(
            manifest,
            root=root_of(job, manifest),
            limits=ctx.limits,
            pins=Pins(job.pinned),
            published=list_published_paths(ctx, job.source),
        )
    except Refused as error:
        if planned.inputs_digest is None and error.precise_code in ("inputs_unreachable", "source_moved"):
            return Inputs()  # The version never had data: it needs no folder.
        raise


def _kernel(ctx: Services, placed: Placement, run: Run, planned: PlannedStep) -> KernelChoice:
    kernel = kernel_for_rerun(ctx, placed, run) or planned.kernel
    # The engine runs it, but the variables are those of the person who set the schedule.
    return replace(kernel, inherited=planned.kernel.inherited) if placed.image is None else kernel


def _like_a_run(schedule: Schedule, planned: PlannedStep) -> Run:
    return Run(
        id=schedule.name,
        project=schedule.project,
        job_id=planned.job_id,
        version_digest=planned.version_digest,
        environment=schedule.environment,
        state=RunState.QUEUED,
        parameters={},
        kernel=planned.kernel,
        created_at=schedule.created_at,
        created_by=schedule.owner,
        origin=planned.origin,
    )
