"""Sweeps: one snapshot of a notebook or script, and a run of it for each point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..domain.actors import Actor
from ..domain.jobs import Job, JobKind
from ..domain.pipelines import Pipeline
from ..domain.plans import PlannedStep
from ..domain.runs import Run, Submission, TriggerKind
from ..domain.settings import GivenSettings, RunSettings, resolve_settings
from ..domain.sweeps import SWEEP_STEP, Sweep, points
from ..domain.time import Timestamp
from ..domain.versions import Version
from ..errors import InvalidRequest
from ..ports import Transaction
from .context import Services
from .declared_outputs import check_paths, decides_to_publish
from .parameters import check_points
from .pipelines import NewPipelineRun, add_run
from .placement import Placement, with_submitter_variables
from .versions import TakenSnapshot, make_version, take_snapshot
from .workspaces import moved_finding


@dataclass(frozen=True)
class FirstSweepRun:
    """A sweep of a snapshot that was just taken. `parameters` are those that all points share."""

    ctx: Services
    taken: TakenSnapshot
    sweep: Sweep
    parameters: dict[str, Any]
    publish: bool

    def add(
        self, tx: Transaction, *, key: str | None, request: str, by: Actor, at: Timestamp
    ) -> tuple[Run, Job, Version]:
        new = self.new_run(tx, by=by, at=at)
        return add_run(self.ctx, tx, new, key=key, request=request, by=by, at=at), new.job, new.version

    def new_run(self, tx: Transaction, *, by: Actor, at: Timestamp) -> NewPipelineRun:
        """Add the version, and return the run that is still to be added."""
        taken = self.taken
        job, version = make_version(self.ctx, tx, taken, by=by, at=at.wall_time)
        return NewPipelineRun(
            self.pipeline,
            job,
            version,
            {SWEEP_STEP: self._planned(tx, job, version)},
            taken.placed,
            self.parameters,
            _settings(taken.submission, job, taken.placed),
            sweep=self.sweep,
            publish=self.publish,
        )

    @property
    def pipeline(self) -> Pipeline:
        return self.sweep.pipeline(self.taken.snapshot.manifest)

    @property
    def codes(self) -> Mapping[str, str]:
        """The digest of the version of its step."""
        return {SWEEP_STEP: self.taken.snapshot.manifest.digest}

    def _planned(self, tx: Transaction, job: Job, version: Version) -> PlannedStep:
        placed, snapshot = self.taken.placed, self.taken.snapshot
        assert snapshot.kernel is not None, "A notebook has a kernel, and a script an interpreter."
        return PlannedStep(
            job_id=job.id,
            version_digest=version.digest,
            kernel=with_submitter_variables(self.ctx, placed, snapshot.kernel),
            settings=resolve_settings(self.taken.submission, job.settings, placed.environment.limits),
            image=placed.image,
            resources=placed.resources,
            inputs_digest=tx.inputs.put(snapshot.inputs),
            origin=snapshot.origin,
            findings=(*snapshot.findings, *placed.findings, *moved_finding(self.taken.moved, job.id)),
        )


def prepare(ctx: Services, submission: Submission, *, by: Actor) -> FirstSweepRun:
    """Take a snapshot for all points. Refused unless each of them may run."""
    assert submission.sweep is not None
    if submission.kind is JobKind.PIPELINE:
        raise InvalidRequest(
            "A pipeline cannot be swept. Give one of its steps `for_each`, or submit the pipeline several times.",
            code="sweep_of_pipeline",
        )
    taken = take_snapshot(ctx, replace(submission, sweep=None), by=by)
    manifest = taken.snapshot.manifest
    shared = {**submission.parameters, **manifest.parameters.parse_texts(submission.texts)}
    sweep = submission.sweep.read(manifest.parameters)
    values = check_points(ctx, manifest, shared, sweep)
    publish = decides_to_publish(
        ctx, TriggerKind.MANUAL, submission.publish, taken.placed.environment, sweep=True, by=by
    )
    if publish:
        named = [(item.key, {**values, **item.value}) for item in points(sweep.values)]
        check_paths(manifest, named, at=ctx.clock.now())
    return FirstSweepRun(ctx, taken, sweep, values, publish)


def _settings(submission: GivenSettings, job: Job, placed: Placement) -> RunSettings:
    """Return the settings of the sweep itself. Its `total_timeout` bounds all of it: each point has its own timeout."""
    given = GivenSettings(priority=submission.priority, total_timeout_s=submission.total_timeout_s)
    return resolve_settings(given, replace(job.settings, timeout_s=None), placed.environment.limits)
