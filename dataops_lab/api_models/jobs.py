from __future__ import annotations

from pydantic import Field

from ..domain.events import Event
from ..domain.jobs import JobKind
from ..domain.versions import Version
from ..domain.workspaces import relative_path
from ..services.jobs import JobView
from .base import ActorModel, ContentsPath, Instant, Model
from .notebooks import OriginModel
from .runs import RunSummaryModel
from .settings import Concurrency, GivenSettingsModel


class WorkspaceReference(Model):
    """A workspace. `remote` is the git remote; spellings that mean the same remote are all written in one way."""

    id: str
    name: str
    remote: str | None


class PlaceChange(Model):
    """A move or a relink of a job. `job` is the id of the job that it took in when it was relinked."""

    at: Instant
    by: ActorModel | None
    source_before: str
    source: str
    job: str | None = None

    @classmethod
    def from_domain(cls, event: Event) -> PlaceChange:
        data = event.data
        return cls(
            at=event.at,
            by=ActorModel.from_domain(event.actor) if event.actor else None,
            source_before=data["from"],
            source=data["to"],
            job=data.get("job"),
        )


class JobModel(GivenSettingsModel):
    """A job. Its settings apply to runs whose submission gives none. `revision` counts the changes.

    `concurrency` is the number of its runs that may be active at once; null: as many as there are slots.

    `path` is the path of the notebook below the root of the workspace, `source` the place where this machine saw it
    last. `sources` are all places where it lies, and `place_changes` are its moves and relinks; both are empty in a
    list. `contents_path` is the path of the notebook in the contents API of a server; it is null for a notebook outside
    of the server's root.
    """

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
    """Patterns of files that belong to the version; with `!` before it, each run takes the files anew.

    The last pattern that matches a file counts. Patterns begin at the folder of the notebook.
    """
    revision: int
    created_at: Instant
    created_by: ActorModel
    last_run: RunSummaryModel | None = None

    @classmethod
    def from_domain(cls, view: JobView, root: str | None = None) -> JobModel:
        """Make the model. `root` is the real path of the server's root, for `contents_path`."""
        job, last = view.job, view.last_run
        inside = (relative_path(source, root) for source in (job.source, *view.sources)) if root else ()
        return cls(
            id=job.id,
            name=job.name,
            kind=job.kind,
            workspace=WorkspaceReference.model_validate(view.workspace),
            path=job.path,
            source=job.source,
            contents_path=next(filter(None, inside), None),
            sources=list(view.sources),
            place_changes=[PlaceChange.from_domain(event) for event in view.place_events],
            concurrency=job.concurrency,
            pinned=list(job.pinned),
            revision=job.revision,
            **vars(job.settings),
            created_at=job.created_at,
            created_by=ActorModel.from_domain(job.created_by),
            last_run=RunSummaryModel.from_domain(last) if last else None,
        )


class JobChanges(GivenSettingsModel):
    """Changes of a job. Fields that are not given stay; null takes a setting back.

    With `revision` the change is refused (409) when somebody else has changed the job since.
    """

    name: str | None = Field(default=None, min_length=1, max_length=200)
    concurrency: Concurrency | None = None
    pinned: list[str] | None = None
    revision: int | None = None


class MoveRequest(Model):
    """A move of a notebook or a folder. Both paths are those of the contents API."""

    path: ContentsPath
    to: ContentsPath


class MovedModel(Model):
    """The jobs that were moved. `parted` are jobs whose notebook is now where another job is.

    That other job may be relinked to the parted one.
    """

    jobs: list[JobModel]
    parted: list[JobModel]


class RelinkRequest(Model):
    """The other job: either its id, or the path of its notebook in the contents API."""

    job: str | None = None
    path: ContentsPath | None = None


class ProjectModel(Model):
    """A project. `concurrency` is the number of its runs that may be active at once.

    Null: as many as there are slots.
    """

    name: str
    concurrency: int | None


class ProjectChanges(Model):
    """Changes of a project; fields that are not given stay, null takes the limit away."""

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
    def from_domain(cls, version: Version) -> VersionModel:
        return cls(
            digest=version.digest,
            number=version.number,
            created_at=version.created_at,
            created_by=ActorModel.from_domain(version.created_by),
            notebook_path=version.manifest.path,
            file_count=len(version.manifest.files),
            origin=OriginModel.model_validate(version.origin),
        )
