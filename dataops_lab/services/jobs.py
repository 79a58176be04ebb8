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
from ..domain.policy import ObjectKind, Verb
from ..domain.runs import RunSummary
from ..domain.settings import GivenSettings, check_concurrency
from ..domain.snapshots import AuthoringImage, Inspection
from ..domain.versions import Version
from ..domain.workspaces import Workspace
from ..errors import InvalidRequest, StaleWrite
from ..ports import Page
from . import pipeline_files
from .authoring import offered_kernels
from .context import Services
from .declared_outputs import list_published_paths
from .permissions import require
from .placement import authoring_image, target_runtime
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
    image = image or authoring_image(ctx, path, environment, root=root)
    job = job_of(ctx, path)
    found = ctx.notebooks.inspect(
        path,
        root=root,
        kernel=kernel,
        limits=ctx.limits,
        where=target_runtime(ctx, environment, image),
        pins=pins_of(job, pinned),
        published=list_published_paths(ctx, path),
    )
    moved = None if job else moved_job(ctx, found.cell_ids)
    return replace(
        found,
        findings=(*found.findings, *moved_finding(moved, path)),
        authored_in=_authored_in(ctx, path, root=root, by=by),
    )


def include_file(ctx: Services, path: str, file: str, *, root: str | None) -> str | None:
    """Make `file` travel with the notebooks beside it from now on, see `Notebooks.take_along`."""
    return ctx.notebooks.include_file(path, file, root=root)


def _authored_in(ctx: Services, path: str, *, root: str | None, by: Actor) -> AuthoringImage | None:
    """Return where the notebook was written, as long as `by` may still use that kernel; None otherwise."""
    if not (offered := offered_kernels(ctx, by=by)):
        return None
    name = ctx.notebooks.read_kernel_name(path, root=root, limits=ctx.limits)
    for offer in offered:
        if offer.name == name:
            fixed = "image" in offer.environment.locked
            return AuthoringImage(offer.environment.name, None if fixed else offer.image.name)
    return None


PLACE_EVENTS = ("job.moved", "job.relinked")


@dataclass(frozen=True)
class JobView:
    """A job with its workspace and its newest run.

    Only `get` fills in the rest: all `sources`, the one of `job` first, and the events of its place in `place_events`.
    """

    job: Job
    workspace: Workspace
    last_run: RunSummary | None
    sources: Sequence[str] = ()
    place_events: Sequence[Event] = ()


def get(ctx: Services, job_id: str) -> JobView:
    with ctx.store.read() as tx:
        job = tx.jobs.get(job_id)
        roots = tx.workspaces.list_roots({job.workspace_id})
        place_events = tx.events.list_after(0, subject=Subject(SubjectKind.JOB, job.id), kinds=PLACE_EVENTS)
    sources = dict.fromkeys([job.source, *(posixpath.join(root.root, job.path) for root in roots)])
    return replace(views(ctx, [job])[0], sources=tuple(sources), place_events=place_events)


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
    setting_names = {field.name for field in fields(GivenSettings)} & changes.keys()
    with ctx.store.begin() as tx:
        job = tx.jobs.get(job_id)
        require(ctx, by, Verb.CHANGE, ObjectKind.JOB, owner=job.created_by, what=f"Job {job.name}")
        if revision not in (None, job.revision):
            raise StaleWrite("Somebody else has changed the job. Look at it again.", id=job.id, revision=job.revision)
        settings = replace(job.settings, **{name: changes[name] for name in setting_names})
        settings.check()
        check_concurrency(changes.get("concurrency"))
        if "pinned" in changes:
            changes = {**changes, "pinned": Pins.from_patterns(changes["pinned"] or ()).patterns}
        changed = replace(job, settings=settings, **{n: v for n, v in changes.items() if n not in setting_names})
        if not changed.name:
            raise InvalidRequest("A job has a name.")
        changed = tx.jobs.change(changed)
        subject = Subject(SubjectKind.JOB, changed.id)
        data = {"changed": sorted(changes)}
        now = ctx.clock.now()
        tx.events.add(subject, "job.changed", at=now, actor=by, revision=changed.revision, data=data)
    return get(ctx, changed.id)


def versions(ctx: Services, job_id: str) -> Sequence[Version]:
    with ctx.store.read() as tx:
        return tx.versions.list_for_job(tx.jobs.get(job_id).id)


def views(ctx: Services, found: Sequence[Job]) -> list[JobView]:
    last = last_of_jobs(ctx, [job.id for job in found])
    with ctx.store.read() as tx:
        workspaces = tx.workspaces.get_many({job.workspace_id for job in found})
    return [JobView(job, workspaces[job.workspace_id], last.get(job.id)) for job in found]
