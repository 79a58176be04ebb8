"""Making a version of a job: a notebook, script or command as it is now, with all that travels along, for ever."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ulid import ULID

from ..domain.actors import Actor
from ..domain.events import Subject, SubjectKind
from ..domain.inputs import Pins
from ..domain.jobs import DEFAULT_PROJECT, Job
from ..domain.runs import Submission
from ..domain.snapshots import Command, Snapshot
from ..domain.versions import Version
from ..errors import Conflict
from ..ports import Transaction
from .context import Services
from .declared_outputs import check_declared, list_published_paths
from .placement import Placement, authoring_image, check_image_exists, resolve_placement
from .workspaces import ensure_workspace, job_of, moved_job


@dataclass(frozen=True)
class TakenSnapshot:
    """A source as it is, stored but not yet a version; `placed` is the place for which it was checked."""

    submission: Submission
    placed: Placement
    snapshot: Snapshot
    moved: Job | None = None
    """The job that the notebook may have been under another path, where it is not a job yet."""


def take_snapshot(ctx: Services, submission: Submission, *, by: Actor) -> TakenSnapshot:
    """Take a snapshot of the notebook, script or command. Refused unless it may run where the submission wants it."""
    if submission.image is None and not submission.command:
        image = authoring_image(ctx, submission.path, submission.environment, root=submission.root)
        submission = replace(submission, image=image)
    with ctx.store.read() as tx:
        placed = resolve_placement(ctx, tx, submission, by=by)
    check_image_exists(ctx, placed)
    job = job_of(ctx, submission.path)
    snapshot = ctx.notebooks.snapshot(
        submission.path,
        root=submission.root,
        kernel=submission.kernel,
        limits=ctx.limits,
        where=placed.runtime,
        pins=pins_of(job, submission.pinned),
        published=list_published_paths(ctx, submission.source_path),
        command=Command(submission.command, submission.declared, submission.include) if submission.command else None,
    )
    if submission.outputs is not None:
        snapshot = replace(snapshot, manifest=replace(snapshot.manifest, outputs=submission.outputs))
    check_declared(snapshot.manifest.outputs, snapshot.manifest, snapshot.location.path)
    return TakenSnapshot(submission, placed, snapshot, None if job else moved_job(ctx, snapshot.cell_ids))


def pins_of(job: Job | None, given: Sequence[str] | None) -> Pins:
    """Return the `given` pins, else those of the job, if there is one. InvalidRequest."""
    if given is not None:
        return Pins.from_patterns(given)
    return Pins(job.pinned) if job else Pins()


def make_version(
    ctx: Services, tx: Transaction, taken: TakenSnapshot, *, by: Actor, at: dt.datetime
) -> tuple[Job, Version]:
    """Add the version to its job, and the job if there is none. The same bytes are one version.

    Conflict when the environment was changed since the snapshot was taken.
    """
    if resolve_placement(ctx, tx, taken.submission, by=by) != taken.placed:
        raise Conflict(
            f"{taken.placed.environment.name} was changed while the source was read. Submit it again.",
            code="changed_meanwhile",
        )
    snapshot = taken.snapshot
    job = _find_or_add_job(tx, taken, by=by, at=at)
    version = tx.versions.find(job.id, snapshot.manifest.digest) or tx.versions.add(
        job.id, snapshot.manifest, at=at, by=by, origin=snapshot.origin
    )
    return job, version


def _find_or_add_job(tx: Transaction, taken: TakenSnapshot, *, by: Actor, at: dt.datetime) -> Job:
    snapshot, submission = taken.snapshot, taken.submission
    workspace, known = ensure_workspace(tx, snapshot.location, by=by, at=at)
    job = known.job
    name = submission.name or (job.name if job else snapshot.name)
    pinned = Pins.from_patterns(submission.pinned).patterns if submission.pinned is not None else None
    if job is None:
        job = Job(
            id=str(ULID.from_datetime(at)),
            project=DEFAULT_PROJECT,
            name=name,
            source=snapshot.location.source,
            created_at=at,
            created_by=by,
            workspace_id=workspace.id,
            path=known.path,
            pinned=pinned or (),
            kind=snapshot.manifest.kind,
        )
        tx.jobs.add(job)
        tx.events.add(Subject(SubjectKind.JOB, job.id), "job.added", at=at, actor=by, revision=job.revision)
    elif (name, job.pinned if pinned is None else pinned) != (job.name, job.pinned):
        changed = [key for key, value in (("name", name), ("pinned", pinned)) if value not in (None, getattr(job, key))]
        job = tx.jobs.change(replace(job, name=name, pinned=job.pinned if pinned is None else pinned))
        subject, data = Subject(SubjectKind.JOB, job.id), {"changed": changed}
        tx.events.add(subject, "job.changed", at=at, actor=by, revision=job.revision, data=data)
    return job
