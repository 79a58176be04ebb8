"""Planning a pipeline run: a version of each of its steps, and all that their runs need later."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from ..domain.actors import Actor
from ..domain.jobs import STEP_MARK, Job, JobKind
from ..domain.outcomes import first_statuses
from ..domain.parameters import Parameter
from ..domain.pipelines import Pipeline, Step, StepKind, StepState
from ..domain.plans import Plan, PlannedStep
from ..domain.runs import Submission
from ..domain.settings import GivenSettings, RunSettings, resolve_settings
from ..domain.snapshots import Finding, Snapshot
from ..domain.step_files import is_expected
from ..domain.time import Timestamp
from ..domain.versions import Manifest, Origin, Version
from ..domain.workspaces import Location
from ..errors import DataOpsError, InvalidPipeline, PathOutsideRoot
from ..ports import Transaction
from . import pipeline_files
from .context import Services
from .declared_outputs import check_pipeline, check_pipeline_paths
from .placement import Placement, with_submitter_variables
from .versions import TakenSnapshot, make_version, take_snapshot

T = TypeVar("T")


@dataclass(frozen=True)
class TakenPipeline:
    """A pipeline as it is, stored but not yet a version. `steps` are those that may run, as they are.

    `folder` is the one of the pipeline's file, from the root that all steps share.
    """

    submission: Submission
    pipeline: Pipeline
    location: Location
    digest: str
    root: str
    steps: Mapping[str, TakenSnapshot]
    values: dict[str, Any]

    @property
    def placed(self) -> Placement:
        """The place of all steps, as far as it is the same for all: the environment."""
        return next(iter(self.steps.values())).placed

    @property
    def folder(self) -> str:
        return posixpath.dirname(posixpath.relpath(self.location.source, self.root))


def take_pipeline(ctx: Services, submission: Submission, *, by: Actor) -> TakenPipeline:
    """Take a snapshot of each step that may run. Refused unless all of them may run where the submission wants it."""
    pipeline_files.check_request(submission)
    data = ctx.notebooks.read_pipeline_file(submission.path, root=submission.root)
    reading = ctx.pipelines.read(data)
    name = posixpath.basename(submission.path)
    pipeline = pipeline_files.require_valid(reading, name)
    location = ctx.notebooks.locate(submission.path)
    root, steps = _in_one_root(ctx, pipeline, submission, location, by=by)
    if not steps:
        raise InvalidPipeline(f"{name} has no step that may run: all are disabled. Enable one of them.")
    schemas = {
        step.id: steps[step.id].snapshot.manifest.parameters
        for step in pipeline.steps
        if step.id in steps and step.path is not None
    }
    pipeline_files.require_valid(reading, name, list(pipeline_files.find_value_problems(ctx, reading, schemas)))
    schema = pipeline.parameters
    values = schema.validate({**submission.parameters, **schema.parse_texts(submission.texts)}, word="pipeline")
    check_pipeline(pipeline, location.path)
    check_pipeline_paths(pipeline, values, at=ctx.clock.now())
    return TakenPipeline(submission, pipeline, location, ctx.blobs.put(data), root, steps, values)


def make_plan(
    ctx: Services, tx: Transaction, taken: TakenPipeline, *, by: Actor, at: Timestamp
) -> tuple[Job, Version, Plan]:
    """Add a version of the pipeline, and of each step to the job of that. Return the pipeline's own with the plan."""
    plan: dict[str, PlannedStep] = {}
    # Jobs are locked in this order, so that two submissions with the same notebooks do not wait for each other.
    for step_id, each in sorted(taken.steps.items(), key=lambda item: item[1].submission.path):
        job, version = make_version(ctx, tx, each, by=by, at=at.wall_time)
        step = taken.pipeline.by_id[step_id]
        plan[step_id] = _planned(ctx, tx, step, each, job, version, folder=taken.folder)
    plan = {step.id: plan[step.id] for step in taken.pipeline.steps if step.id in plan}
    origin = next((each.snapshot.origin for each in taken.steps.values()), Origin())
    manifest = Manifest(
        path=posixpath.relpath(taken.location.source, taken.root),
        source_digest=taken.digest,
        files=(),
        parameters=taken.pipeline.parameters,
        kernel_name="",
        language="",
        kind=JobKind.PIPELINE,
        steps=tuple((step_id, planned.version_digest) for step_id, planned in plan.items()),
    )
    snapshot = Snapshot(
        name=taken.pipeline.title or posixpath.basename(taken.location.path).partition(".")[0],
        location=taken.location,
        root=taken.root,
        manifest=manifest,
        kernel=None,
        origin=origin,
        findings=(),
        code_cells=0,
    )
    # The pipeline itself runs nowhere, and so has no place of its own to check.
    first = next(iter(taken.steps.values()))
    submission = replace(first.submission, name=taken.submission.name, pinned=taken.submission.pinned)
    whole = TakenSnapshot(submission, first.placed, snapshot)
    job, version = make_version(ctx, tx, whole, by=by, at=at.wall_time)
    return job, version, plan


def settings_of(pipeline: Pipeline, submission: GivenSettings, job: Job, placed: Placement) -> RunSettings:
    """Return the settings of the pipeline's own run. Its `timeout` bounds all of it: its steps have their own."""
    whole = submission.total_timeout_s or submission.timeout_s or pipeline.settings.total_timeout_s
    whole_of_job = job.settings.total_timeout_s or job.settings.timeout_s
    of_job = replace(job.settings, timeout_s=None, total_timeout_s=whole_of_job)
    given = GivenSettings(
        priority=submission.priority, queue_timeout_s=submission.queue_timeout_s, total_timeout_s=whole
    )
    return resolve_settings(given, of_job, placed.environment.limits)


def findings_of(plan: Plan) -> tuple[Finding, ...]:
    """Return what was found in all steps, with the steps in front of each sentence.

    Steps that share a notebook share a sentence.
    """
    steps: dict[Finding, list[str]] = {}
    for step_id, planned in plan.items():
        for finding in planned.findings:
            steps.setdefault(replace(finding, cell=None), []).append(step_id)
    return tuple(
        replace(
            finding, message=f"{', '.join(f'`{step_id}`' for step_id in dict.fromkeys(found_in))}: {finding.message}"
        )
        for finding, found_in in steps.items()
    )


def _in_one_root(
    ctx: Services, pipeline: Pipeline, submission: Submission, location: Location, *, by: Actor
) -> tuple[str, dict[str, TakenSnapshot]]:
    """Take all steps below one root: the files that one leaves for another have paths from there."""
    steps = _take_steps(ctx, pipeline, submission, location, by=by)
    roots = {each.snapshot.root for each in steps.values()} or {location.root}
    if len(roots) == 1 and location.source.startswith(f"{min(roots)}/"):
        return min(roots), steps
    # Without a project's folder each notebook has a root of its own, as far as it reaches.
    root = posixpath.commonpath([*roots, posixpath.dirname(location.source)])
    return root, _take_steps(ctx, pipeline, replace(submission, root=root), location, by=by)


def _take_steps(
    ctx: Services, pipeline: Pipeline, submission: Submission, location: Location, *, by: Actor
) -> dict[str, TakenSnapshot]:
    taken: list[tuple[Submission, TakenSnapshot]] = []
    steps: dict[str, TakenSnapshot] = {}
    statuses = first_statuses(pipeline)
    for step in pipeline.steps:
        if step.kind is StepKind.APPROVAL or statuses[step.id].state is StepState.DISABLED:
            continue
        wanted = _submission_of(step, submission, location)
        found = next((each for asked, each in taken if asked == wanted), None)
        if found is None:
            found = _take(ctx, step, wanted, by=by)
            taken.append((wanted, found))
        steps[step.id] = found
    return steps


def _submission_of(step: Step, submission: Submission, location: Location) -> Submission:
    folder = posixpath.dirname(location.source)
    path = f"{location.source}{STEP_MARK}{step.id}"
    if step.path is not None:
        path = posixpath.normpath(posixpath.join(folder, step.path))
    is_command = step.kind is StepKind.COMMAND
    settings = step.run_settings
    return Submission(
        path=path,
        root=submission.root,
        environment=submission.environment,
        kernel=step.kernel,
        image=step.image or submission.image,
        resources=step.resources,
        command=step.command if is_command else (),
        include=step.include,
        declared=tuple(map(Parameter, step.parameters)) if is_command else (),
        priority=_first_given(settings.priority, submission.priority),
        max_retries=_first_given(settings.max_retries, submission.max_retries),
        retry_on_timeout=_first_given(settings.retry_on_timeout, submission.retry_on_timeout),
        queue_timeout_s=settings.queue_timeout_s,
        start_timeout_s=_first_given(settings.start_timeout_s, submission.start_timeout_s),
        timeout_s=settings.timeout_s,
        total_timeout_s=settings.total_timeout_s,
    )


def _first_given(of_step: T | None, of_submission: T | None) -> T | None:
    """Return what the file says, else what the submission asks of all steps."""
    return of_submission if of_step is None else of_step


def _take(ctx: Services, step: Step, wanted: Submission, *, by: Actor) -> TakenSnapshot:
    try:
        return take_snapshot(ctx, wanted, by=by)
    except PathOutsideRoot:
        raise
    except DataOpsError as error:
        # The same error, with the step that it is about.
        raise type(error)(
            f"Step `{step.id}`: {error.message}", code=error.precise_code, **{**error.detail, "step": step.id}
        ) from error


def _planned(
    ctx: Services, tx: Transaction, step: Step, taken: TakenSnapshot, job: Job, version: Version, *, folder: str
) -> PlannedStep:
    placed, snapshot = taken.placed, taken.snapshot
    assert snapshot.kernel is not None, "A step that runs has a kernel, an interpreter or a command."
    return PlannedStep(
        job_id=job.id,
        version_digest=version.digest,
        kernel=with_submitter_variables(ctx, placed, snapshot.kernel),
        settings=resolve_settings(taken.submission, job.settings, placed.environment.limits),
        image=placed.image,
        resources=placed.resources,
        inputs_digest=tx.inputs.put(snapshot.inputs),
        origin=snapshot.origin,
        findings=tuple(
            finding
            for finding in (*snapshot.findings, *placed.findings)
            if not _is_provided(finding, step, snapshot.manifest, folder)
        ),
    )


def _is_provided(finding: Finding, step: Step, manifest: Manifest, folder: str) -> bool:
    """Tell whether the pipeline provides what the finding misses: a variable, or a file that a step will leave."""
    if finding.missing is None:
        return False
    if finding.code == "missing_variable":
        return finding.missing in step.variables
    return is_expected(step, posixpath.normpath(posixpath.join(manifest.folder, finding.missing)), base=folder)
