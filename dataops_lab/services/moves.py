"""Keeping the job of a notebook that was moved, and joining jobs that were parted."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ..domain.actors import Actor
from ..domain.events import Subject, SubjectKind
from ..domain.jobs import DEFAULT_PROJECT, Job
from ..domain.policy import ObjectKind, Verb
from ..domain.runs import RunState
from ..domain.workspaces import Location, parent_folders, relative_path
from ..errors import Conflict, InvalidRequest
from ..ports import Transaction
from .context import Services
from .permissions import require
from .workspaces import ensure_workspace, find_job, missing_jobs


@dataclass(frozen=True)
class MoveResult:
    """`parted` are jobs whose notebook moved to the place of another job: `jobs relink` can join the two."""

    jobs: Sequence[Job]
    parted: Sequence[Job]


class _Move(NamedTuple):
    job: Job
    to: Location


def jobs_at(ctx: Services, path: str) -> Sequence[Job]:
    """List the jobs whose notebook is, or was, the local `path` or lies below it."""
    place = ctx.notebooks.locate(path)
    with ctx.store.read() as tx:
        known = find_job(tx, place).job
        found = {job.id: job for job, _ in _jobs_below(tx, place.source)}
    return list(({known.id: known} if known else {} | found).values())


def follow_move(ctx: Services, path: str, to: str, *, by: Actor) -> MoveResult:
    """Keep the jobs of notebooks that were moved, alone or with a folder above, from the local `path` to `to`.

    It skips a notebook that is not there now, or is still at its old place: safe to repeat. A person who could move the
    notebook needs no more permission: this looks at the files, and does not trust the caller.
    """
    old, new = ctx.notebooks.locate(path).source, ctx.notebooks.locate(to).source
    with ctx.store.read() as tx:
        found = list(_jobs_below(tx, old))
    targets = {job.id: new + rest for job, rest in found}
    missing = ctx.notebooks.find_missing([*targets.values(), *(old + rest for _, rest in found)])
    moves = [
        _Move(job, ctx.notebooks.locate(targets[job.id]))
        for job, rest in found
        if old + rest in missing and targets[job.id] not in missing
    ]
    at = ctx.clock.now()
    moved: list[Job] = []
    parted: list[Job] = []
    with ctx.store.begin() as tx:
        for workspace_id in tx.workspaces.move_roots(old, new, at=at) if moves else ():
            data = {"from": old, "to": new}
            tx.events.add(Subject(SubjectKind.WORKSPACE, workspace_id), "workspace.moved", at=at, actor=by, data=data)
        for job, place in moves:
            target_job = find_job(tx, place).job
            if target_job is None:
                moved.append(_move_job(tx, job, place, by=by, at=at))
            elif target_job.id == job.id:
                moved.append(replace(job, source=place.source))
            else:
                parted.append(job)
    return MoveResult(moved, parted)


def relink(ctx: Services, job_id: str, *, other: str | None = None, path: str | None = None, by: Actor) -> Job:
    """Give the job the notebook at the local `path`, or join it with the job `other`.

    The runs and versions of the other job go to this one, which keeps its id, its name and its settings, and gets the
    place of the other. Safe to repeat. Conflict when the two cannot be the same job; InvalidRequest when there is no
    notebook at `path`.
    """
    if (other is None) == (path is None):
        raise InvalidRequest("Name either the other job or the path of the notebook.")
    place = ctx.notebooks.locate(path) if path is not None else None
    at = ctx.clock.now()
    with ctx.store.begin() as tx:
        job = tx.jobs.get(job_id)
        same = tx.jobs.get(other) if other is not None else find_job(tx, place).job if place else None
        if same and same.id == job.id:
            return job
        require(ctx, by, Verb.CHANGE, ObjectKind.JOB, owner=job.created_by, what=f"Job {job.name}")
        _check_joinable(ctx, tx, job, same)
        if same is None:
            assert place is not None
            if ctx.notebooks.find_missing([place.source]):
                raise InvalidRequest(f"There is no notebook at {place.source}. Check the path.")
            return _move_job(tx, job, place, by=by, at=at)
        require(ctx, by, Verb.CHANGE, ObjectKind.JOB, owner=same.created_by, what=f"Job {same.name}")
        return _join_jobs(tx, job, same, by=by, at=at)


def _check_joinable(ctx: Services, tx: Transaction, job: Job, other: Job | None) -> None:
    """Raise Conflict when the two cannot be one job.

    They cannot when their kind or project differs, or when the notebook of `job` is still there. Two that lie at one
    path in two copies of a repository may be the same.
    """
    if other and other.kind != job.kind:
        raise Conflict(f"{job.name} is a {job.kind}, {other.name} a {other.kind}.", code="not_the_same_job")
    if other and other.project != job.project:
        raise Conflict(f"{job.name} and {other.name} belong to two projects.", code="not_the_same_job")
    workspaces = tx.workspaces.get_many({job.workspace_id} | ({other.workspace_id} if other else set()))
    remotes = {workspace.remote for workspace in workspaces.values()}
    if other and other.path == job.path and len(workspaces) == 2 and len(remotes) == 1 and None not in remotes:
        return
    if not missing_jobs(ctx, tx, [job]):
        raise Conflict(
            f"The notebook of {job.name} is still there: {job.source}. Two notebooks are two jobs. "
            "Delete it first if it is a copy that nobody needs any more.",
            code="not_the_same_job",
        )


def _join_jobs(tx: Transaction, job: Job, other: Job, *, by: Actor, at: dt.datetime) -> Job:
    tx.jobs.lock([job.id, other.id])
    for waiting in tx.runs.newest_per_job([other.id], *_UNFINISHED_STATES):
        raise Conflict(
            f"Run {waiting.id} of {other.name} has not ended. Wait for it, or cancel it, and relink then.",
            code="job_in_use",
            run=waiting.id,
        )
    joined = tx.jobs.merge(job, other)
    data = {"job": other.id, "name": other.name, "from": job.source, "to": other.source}
    tx.events.add(_subject(job), "job.relinked", at=at, actor=by, revision=joined.revision, data=data)
    tx.events.add(_subject(other), "job.absorbed", at=at, actor=by, data={"job": job.id, "project": other.project})
    return joined


def _move_job(tx: Transaction, job: Job, place: Location, *, by: Actor, at: dt.datetime) -> Job:
    workspace, known = ensure_workspace(tx, place, by=by, at=at)
    moved = tx.jobs.change(replace(job, workspace_id=workspace.id, path=known.path, source=place.source))
    data = {"from": job.source, "to": place.source}
    tx.events.add(_subject(job), "job.moved", at=at, actor=by, revision=moved.revision, data=data)
    return moved


def _jobs_below(tx: Transaction, source: str) -> Iterator[tuple[Job, str]]:
    """Yield the jobs at the absolute path or below it, each with the rest of its path, "" for `source` itself."""
    seen: set[str] = set()
    for workspace, root in tx.workspaces.find_by_roots(DEFAULT_PROJECT, parent_folders(source)):
        under = relative_path(source, root) or ""
        for job in tx.jobs.list_below(workspace.id, under):
            if job.id not in seen:
                seen.add(job.id)
                yield job, job.path.removeprefix(under)
    for workspace_root in tx.workspaces.list_roots_below(source):
        for job in tx.jobs.list_below(workspace_root.workspace_id, ""):
            if job.id not in seen:
                seen.add(job.id)
                yield job, f"{workspace_root.root.removeprefix(source)}/{job.path}"


_UNFINISHED_STATES = tuple(state for state in RunState if not state.is_terminal)


def _subject(job: Job) -> Subject:
    return Subject(SubjectKind.JOB, job.id)
