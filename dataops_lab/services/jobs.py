"""Jobs and their versions, and a look at a notebook that may become a job."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from ..domain.actors import Actor
from ..domain.environments import SANDBOX
from ..domain.events import Event, Subject, SubjectKind
from ..domain.inputs import Pins
from ..domain.jobs import Job, JobKind, kind_of_path
from ..domain.policy import Object, Verb
from ..domain.runs import RunSummary
from ..domain.settings import GivenSettings, check_concurrency
from ..domain.snapshots import Inspection, WrittenIn
from ..domain.versions import Version
from ..domain.workspaces import Workspace
from ..errors import InvalidRequest, StaleWrite
from ..ports import Page
from . import pipeline_files
from .authoring import offered_kernels
from .context import Services
from .permissions import require
from .placement import image_of, surroundings
from .runs import last_of_jobs
from .versions import pins_of
from .workspaces import job_of, moved_finding, moved_job


def inspect(
    ctx: Services,
    path: str,
    *,
    root: str | None,
    by: Actor,
    kernel: str | None = None,
    environment: str = SANDBOX,
    image: str | None = None,
    pinned: Sequence[str] | None = None,
) -> Inspection:
    """Return what a run of the notebook at the local `path` would take along, and what it can be given.

    For a pipeline, what it can be given, and its problems as findings.

    Store nothing.
    """
    if kind_of_path(path) is JobKind.PIPELINE:
        return pipeline_files.inspect(ctx, path, root=root, by=by, environment=environment)
    image = image or image_of(ctx, path, environment, root=root)
    job = job_of(ctx, path)
    found = ctx.notebooks.inspect(
        path,
        root=root,
        kernel=kernel,
        limits=ctx.limits,
        where=surroundings(ctx, environment, image),
        pins=pins_of(job, pinned),
    )
    moved = None if job else moved_job(ctx, found.cell_ids)
    return replace(
        found,
        findings=(*found.findings, *moved_finding(moved, path)),
        written_in=_written_in(ctx, path, root=root, by=by),
    )


def take_along(ctx: Services, path: str, file: str, *, root: str | None) -> str | None:
    """Make `file` travel with the notebooks beside it from now on, see `Notebooks.take_along`."""
    return ctx.notebooks.take_along(path, file, root=root)


def _written_in(ctx: Services, path: str, *, root: str | None, by: Actor) -> WrittenIn | None:
    """Return where the notebook was written, as long as `by` may still use that kernel; None otherwise."""
    if not (offered := offered_kernels(ctx, by=by)):
        return None
    name = ctx.notebooks.kernel_name(path, root=root, limits=ctx.limits)
    for it in offered:
        if it.name == name:
            fixed = "image" in it.environment.locked
            return WrittenIn(it.environment.name, None if fixed else it.image.name)
    return None


OF_PLACE = ("job.moved", "job.relinked")


@dataclass(frozen=True)
class JobView:
    """A job with its workspace and its newest run.

    Only `get` fills in the rest: all `sources`, the one of `job` first, and the events of its place in `happened`.
    """

    job: Job
    workspace: Workspace
    last_run: RunSummary | None
    sources: Sequence[str] = ()
    happened: Sequence[Event] = ()


def get(ctx: Services, job_id: str) -> JobView:
    with ctx.store.read() as tx:
        job = tx.jobs.get(job_id)
        roots = tx.workspaces.roots({job.workspace_id})
        happened = tx.events.after(0, subject=Subject(SubjectKind.JOB, job.id), kinds=OF_PLACE)
    sources = dict.fromkeys([job.source, *(posixpath.join(it.root, job.path) for it in roots)])
    return replace(views(ctx, [job])[0], sources=tuple(sources), happened=happened)


def page(ctx: Services, *, limit: int = 50, cursor: str | None = None, text: str | None = None) -> Page[JobView]:
    with ctx.store.read() as tx:
        found = tx.jobs.page(limit=limit, cursor=cursor, text=text)
    return Page(views(ctx, found.items), found.next)


def change(
    ctx: Services, job_id: str, changes: Mapping[str, Any], *, revision: int | None = None, by: Actor
) -> JobView:
    """Change the job. `changes` holds a name, a concurrency, pins and settings; None removes a setting.

    Existing runs keep their settings. With `revision`, StaleWrite when somebody else has changed the job since.
    """
    of_settings = {it.name for it in fields(GivenSettings)} & changes.keys()
    with ctx.store.begin() as tx:
        job = tx.jobs.get(job_id)
        require(ctx, by, Verb.CHANGE, Object.JOB, owner=job.created_by, what=f"Job {job.name}")
        if revision not in (None, job.revision):
            raise StaleWrite("Somebody else has changed the job. Look at it again.", id=job.id, revision=job.revision)
        settings = replace(job.settings, **{name: changes[name] for name in of_settings})
        settings.check()
        check_concurrency(changes.get("concurrency"))
        if "pinned" in changes:
            changes = {**changes, "pinned": Pins.checked(changes["pinned"] or ()).patterns}
        changed = replace(job, settings=settings, **{n: v for n, v in changes.items() if n not in of_settings})
        if not changed.name:
            raise InvalidRequest("A job has a name.")
        changed = tx.jobs.change(changed)
        subject = Subject(SubjectKind.JOB, changed.id)
        told = {"changed": sorted(changes)}
        now = ctx.clock.now()
        tx.events.add(subject, "job.changed", at=now, actor=by, revision=changed.revision, data=told)
    return get(ctx, changed.id)


def versions(ctx: Services, job_id: str) -> Sequence[Version]:
    with ctx.store.read() as tx:
        return tx.versions.of_job(tx.jobs.get(job_id).id)


def views(ctx: Services, found: Sequence[Job]) -> list[JobView]:
    last = last_of_jobs(ctx, [job.id for job in found])
    with ctx.store.read() as tx:
        workspaces = tx.workspaces.of({job.workspace_id for job in found})
    return [JobView(job, workspaces[job.workspace_id], last.get(job.id)) for job in found]
