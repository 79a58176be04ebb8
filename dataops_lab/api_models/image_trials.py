"""Trial runs on another image."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from ..domain.runs import RunState
from ..services.image_trials import TrialResult, TrialView
from ..services.runs import RunView
from .base import ActorModel, Instant, Model
from .runs import ReasonModel


class TrialRequest(Model):
    """A trial of `image` with the `jobs` of these ids, or with those that ran on `instead_of` in the last `days`."""

    image: str
    instead_of: str | None = None
    jobs: list[str] = Field(default_factory=list, max_length=200)
    days: int = Field(default=30, ge=1, le=3650)
    environment: str = "sandbox"

    def choice(self) -> dict[str, Any]:
        return self.model_dump(exclude={"image"})


class TrialRunModel(Model):
    id: str
    state: RunState
    image: str | None
    duration_s: float | None
    reason: ReasonModel | None

    @classmethod
    def from_domain(cls, view: RunView) -> TrialRunModel:
        run = view.run
        took = run.finished_at - run.started_at if run.finished_at and run.started_at else None
        return cls(
            id=run.id,
            state=run.state,
            image=run.image.name if run.image else None,
            duration_s=took.total_seconds() if took is not None else None,
            reason=ReasonModel.model_validate(run.reason) if run.reason else None,
        )


class ValueChangeModel(Model):
    name: str
    before: Any = None
    after: Any = None


class TrialResultModel(Model):
    """The result of one job. `after` is null where the job could not be tried; `refused` says why."""

    job_id: str
    job_name: str
    before: TrialRunModel
    after: TrialRunModel | None
    changes: list[ValueChangeModel]
    refused: str | None

    @classmethod
    def from_domain(cls, result: TrialResult) -> TrialResultModel:
        return cls(
            job_id=result.before.job.id,
            job_name=result.before.job.name,
            before=TrialRunModel.from_domain(result.before),
            after=TrialRunModel.from_domain(result.after) if result.after else None,
            changes=[ValueChangeModel.model_validate(change) for change in result.changes],
            refused=result.refused,
        )


class ImageTrialModel(Model):
    """A trial of an image. `complete`: every run has ended."""

    id: str
    image: str
    digest: str
    created_at: Instant
    created_by: ActorModel
    complete: bool
    results: list[TrialResultModel]

    @classmethod
    def from_domain(cls, view: TrialView) -> ImageTrialModel:
        return cls(
            id=view.trial.id,
            image=view.trial.image.name,
            digest=view.trial.image.digest,
            created_at=view.trial.created_at,
            created_by=ActorModel.from_domain(view.trial.created_by),
            complete=view.complete,
            results=[TrialResultModel.from_domain(result) for result in view.results],
        )
