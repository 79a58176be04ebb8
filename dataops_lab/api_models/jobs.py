from __future__ import annotations

from pydantic import Field

from ..domain.versions import Version
from ..services.jobs import JobView
from .base import ActorModel, Instant, Model
from .notebooks import OriginModel
from .runs import RunModel
from .settings import Concurrency, GivenSettingsModel


class JobModel(GivenSettingsModel):
    """The settings are those of its runs for which a submission gives none. `concurrency`: how many of its runs may be
    active at once; null: as many as there are slots. `revision` counts the changes."""

    id: str
    name: str
    source: str
    concurrency: int | None
    revision: int
    created_at: Instant
    created_by: ActorModel
    last_run: RunModel | None = None

    @classmethod
    def of(cls, view: JobView) -> JobModel:
        job, last = view.job, view.last_run
        return cls(
            id=job.id,
            name=job.name,
            source=job.source,
            concurrency=job.concurrency,
            revision=job.revision,
            **vars(job.settings),
            created_at=job.created_at,
            created_by=ActorModel.of(job.created_by),
            last_run=RunModel.of(last) if last else None,
        )


class JobChanges(GivenSettingsModel):
    """What is not given stays as it is; null takes a setting back. With `revision` it is refused (409) when somebody
    else has changed the job since."""

    name: str | None = Field(default=None, min_length=1, max_length=200)
    concurrency: Concurrency | None = None
    revision: int | None = None


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
