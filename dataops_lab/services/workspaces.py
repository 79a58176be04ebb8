"""The job of a notebook: known by workspace and path, found again after a move."""

from __future__ import annotations

import datetime as dt
import posixpath
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace

from ulid import ULID

from ..domain.actors import Actor
from ..domain.events import Subject, SubjectKind
from ..domain.jobs import DEFAULT_PROJECT, Job, JobKind
from ..domain.snapshots import Finding, Severity
from ..domain.versions import Version
from ..domain.workspaces import Location, Workspace, is_same_notebook, parent_folders, relative_path
from ..errors import DataOpsError
from ..ports import Transaction
from .context import Services

_MAX_JOBS = 500
"""The number of the newest jobs among which a moved notebook is looked for."""

_MAX_COMPARED = 50


@dataclass(frozen=True)
class NotebookMatch:
    """The knowledge of the store about a notebook: `path` is its path below `root`, where the workspace lies.

    Without a job, they are the path and root for a new job. Without a workspace, no workspace holds the notebook yet.
    """

    workspace: Workspace | None
    root: str
    path: str
    job: Job | None


def find_job(tx: Transaction, location: Location) -> NotebookMatch:
    """Find the job of the notebook at `location`, or the workspace to which a new job belongs.

    It looks in all roots that hold the notebook, and in the other copies of its repository. So a folder that becomes a
    repository keeps its jobs.
    """
    holding = tx.workspaces.find_by_roots(DEFAULT_PROJECT, parent_folders(location.source))
    copies = tx.workspaces.find_by_remote(DEFAULT_PROJECT, location.remote) if location.remote else ()
    own = next((workspace for workspace, root in holding if root == location.root), None)
    if own and copies and own.remote not in (None, location.remote):
        own = None  # A copy of another repository lies there now.
    candidates = [(workspace, location.root, location.path) for workspace in [own, *copies] if workspace]
    for workspace, root in holding:
        if root != location.root and (path := relative_path(location.source, root)):
            candidates.append((workspace, root, path))
    places = [(workspace.id, path) for workspace, _, path in candidates]
    jobs = tx.jobs.lock_by_path(DEFAULT_PROJECT, places) if places else {}
    for workspace, root, path in candidates:
        if job := jobs.get((workspace.id, path)):
            return NotebookMatch(workspace, root, path, job)
    return NotebookMatch(own or next(iter(copies), None), location.root, location.path, None)


def ensure_workspace(
    tx: Transaction, location: Location, *, by: Actor, at: dt.datetime
) -> tuple[Workspace, NotebookMatch]:
    """Find it as `find_job` does, and make the workspace or note its new root where needed."""
    match = find_job(tx, location)
    if match.job is None:
        # Only one transaction at a time makes a job or a workspace: two submissions of a new notebook make one job.
        tx.workspaces.lock_project(DEFAULT_PROJECT)
        match = find_job(tx, location)
    workspace = match.workspace
    if workspace is None:
        workspace_id = str(ULID.from_datetime(at))
        workspace = Workspace(workspace_id, DEFAULT_PROJECT, location.name, at, by, remote=location.remote)
        tx.workspaces.add(workspace)
        tx.events.add(_subject(workspace), "workspace.created", at=at, actor=by, revision=workspace.revision)
    elif location.remote and match.root == location.root and workspace.remote != location.remote:
        workspace = tx.workspaces.change(replace(workspace, remote=location.remote))
        data = {"remote": workspace.remote}
        tx.events.add(_subject(workspace), "workspace.changed", at=at, actor=by, revision=workspace.revision, data=data)
    if match.job is None or match.job.source != location.source:
        tx.workspaces.record_root(workspace.id, match.root, at=at)
    job = replace(match.job, source=location.source) if match.job else None
    return workspace, NotebookMatch(workspace, match.root, match.path, job)


def job_of(ctx: Services, path: str) -> Job | None:
    """Return the job of the notebook at the local `path`."""
    location = ctx.notebooks.locate(path)
    with ctx.store.read() as tx:
        return find_job(tx, location).job


def moved_job(ctx: Services, cell_ids: Sequence[str]) -> Job | None:
    """Return the job whose notebook was moved and has these cells now, if exactly one job fits.

    Its file is gone from every place where this machine had it, and most cell ids are the same. Ask only for a notebook
    that is not a job.
    """
    if not cell_ids:
        return None
    with ctx.store.read() as tx:
        missing = missing_jobs(ctx, tx, tx.jobs.page(limit=_MAX_JOBS).items)[:_MAX_COMPARED]
        newest = tx.versions.newest_by_job([job.id for job in missing])
    found = [job for job in missing if job.id in newest and is_same_notebook(cell_ids, _cells_of(ctx, newest[job.id]))]
    return found[0] if len(found) == 1 else None


def missing_jobs(ctx: Services, tx: Transaction, jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs whose notebook is at none of the places where any machine had it."""
    roots = tx.workspaces.list_roots({job.workspace_id for job in jobs})
    sources = {
        job.id: [posixpath.join(root.root, job.path) for root in roots if root.workspace_id == job.workspace_id]
        for job in jobs
    }
    missing = ctx.notebooks.find_missing([source for paths in sources.values() for source in paths])
    return [job for job in jobs if missing.issuperset(sources[job.id])]


def _cells_of(ctx: Services, version: Version) -> Sequence[str]:
    if version.manifest.kind is not JobKind.NOTEBOOK or version.manifest.source_digest is None:
        return ()
    try:
        return ctx.notebooks.read_cell_ids(ctx.blobs.read(version.manifest.source_digest))
    except DataOpsError:
        return ()  # The bytes are damaged or gone: ask nothing, and let the run go on.


def moved_finding(moved: Job | None, new: str) -> Sequence[Finding]:
    """Return a finding that the notebook may be that of the job `moved`; none when `moved` is None.

    `new` is the path of the notebook, or the id of the job that was made of it.
    """
    if moved is None:
        return ()
    hint = f"If it is the same job: jupyter dataops jobs relink {moved.id} {shlex.quote(new)}"
    message = f"Its cells are those of the job {moved.name}, whose notebook {moved.source} is gone."
    return (Finding("moved_notebook", Severity.WARNING, message, hint, job=moved.id),)


def _subject(workspace: Workspace) -> Subject:
    return Subject(SubjectKind.WORKSPACE, workspace.id)
