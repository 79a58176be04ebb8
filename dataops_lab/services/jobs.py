"""Jobs and their versions, and what a notebook would be as a job."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..domain.jobs import Job
from ..domain.snapshots import Inspection
from ..domain.versions import Version
from ..ports import Page
from .context import Services
from .runs import RunView, last_of_jobs


def inspect(ctx: Services, path: str, *, root: str | None, kernel: str | None = None) -> Inspection:
    """What a run of the notebook at the local `path` would take along and could be given. Stores nothing."""
    return ctx.notebooks.inspect(path, root=root, kernel=kernel, limits=ctx.limits)


@dataclass(frozen=True)
class JobView:
    """A job with its newest run."""

    job: Job
    last_run: RunView | None


def get(ctx: Services, job_id: str) -> JobView:
    with ctx.store.read() as tx:
        job = tx.jobs.get(job_id)
    return _views(ctx, [job])[0]


def page(ctx: Services, *, limit: int = 50, cursor: str | None = None, text: str | None = None) -> Page[JobView]:
    with ctx.store.read() as tx:
        found = tx.jobs.page(limit=limit, cursor=cursor, text=text)
    return Page(_views(ctx, found.items), found.next)


def versions(ctx: Services, job_id: str) -> Sequence[Version]:
    with ctx.store.read() as tx:
        return tx.versions.of_job(tx.jobs.get(job_id).id)


def _views(ctx: Services, found: Sequence[Job]) -> list[JobView]:
    last = last_of_jobs(ctx, [job.id for job in found])
    return [JobView(job, last.get(job.id)) for job in found]
