from __future__ import annotations

from pydantic import Field

from ..domain.events import Event
from ..domain.jobs import JobKind
from ..domain.versions import Version
from ..domain.workspaces import below
from ..services.jobs import JobView
from .base import ActorModel, ContentsPath, Instant, Model
from .notebooks import OriginModel
from .runs import RunSummaryModel
from .settings import Concurrency, GivenSettingsModel


class WorkspaceReference(Model):
    """`remote` is the git remote, in one spelling for all that mean the same."""

    id: str
    name: str
    remote: str | None


class PlaceChange(Model):
    """A job was moved, or relinked: then with the `job` that it has taken in, by id."""

    at: Instant
    by: ActorModel | None
    source_before: str
    source: str
    job: str | None = None

    @classmethod
    def of(cls, it: Event) -> PlaceChange:
        told = it.data
        return cls(
            at=it.at,
            by=ActorModel.of(it.actor) if it.actor else None,
            source_before=told["from"],
            source=told["to"],
            job=told.get("job"),
        )


class JobModel(GivenSettingsModel):
    """The settings are those of its runs for which a submission gives none. `concurrency`: how many of its runs may be
    active at once; null: as many as there are slots. `revision` counts the changes.

    The notebook is `path` below the root of the workspace: `source` where this machine saw it last. `sources` are all
    places where it lies, `place_changes` what was moved or relinked; both are empty in a list. `contents_path` is the
    path by which the contents API of a server names the notebook, null where it lies outside of the server's root."""

    id: str
    name: str
    kind: JobKind
    workspace: WorkspaceReference
    path: str
    source: str
    contents_path: str | None
    sources: list[str]
    place_changes: list[PlaceChange]
    concurrency: int | None
    pinned: list[str]
    """Patterns of files that belong to the version, or with `!` before them to each run; the last that matches counts.
    They begin at the folder of the notebook."""
    revision: int
    created_at: Instant
    created_by: ActorModel
    last_run: RunSummaryModel | None = None

    @classmethod
    def of(cls, view: JobView, root: str | None = None) -> JobModel:
        """`root` is the real path of the server's root."""
        job, last = view.job, view.last_run
        inside = (below(source, root) for source in (job.source, *view.sources)) if root else ()
        return cls(
            id=job.id,
            name=job.name,
            kind=job.kind,
            workspace=WorkspaceReference.model_validate(view.workspace),
            path=job.path,
            source=job.source,
            contents_path=next(filter(None, inside), None),
            sources=list(view.sources),
            place_changes=[PlaceChange.of(event) for event in view.happened],
            concurrency=job.concurrency,
            pinned=list(job.pinned),
            revision=job.revision,
            **vars(job.settings),
            created_at=job.created_at,
            created_by=ActorModel.of(job.created_by),
            last_run=RunSummaryModel.of(last) if last else None,
        )


class JobChanges(GivenSettingsModel):
    """What is not given stays as it is; null takes a setting back. With `revision` it is refused (409) when somebody
    else has changed the job since."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    concurrency: Concurrency | None = None
    pinned: list[str] | None = None
    revision: int | None = None


class MoveRequest(Model):
    """Both as the contents API names them: of a notebook or a folder."""

    path: ContentsPath
    to: ContentsPath


class MovedModel(Model):
    """`parted` are jobs whose notebook is where another job is now; the other one may be relinked to it."""

    jobs: list[JobModel]
    parted: list[JobModel]


class RelinkRequest(Model):
    """Either the id of the other job, or the path of a notebook as the contents API names it."""

    job: str | None = None
    path: ContentsPath | None = None


class ProjectModel(Model):
    """`concurrency`: how many of its runs may be active at once; null: as many as there are slots."""

    name: str
    concurrency: int | None


class ProjectChanges(Model):
    """As JobChanges."""

    concurrency: Concurrency | None = None


class VersionModel(Model):
    digest: str
    number: int
    created_at: Instant
    created_by: ActorModel
    notebook_path: str
    file_count: int
    origin: OriginModel

    @classmethod
    def of(cls, it: Version) -> VersionModel:
        return cls(
            digest=it.digest,
            number=it.number,
            created_at=it.created_at,
            created_by=ActorModel.of(it.created_by),
            notebook_path=it.manifest.notebook_path,
            file_count=len(it.manifest.files),
            origin=OriginModel.model_validate(it.origin),
        )
