"""The approvals that wait for a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .base import Instant, Model
from .runs import RunSummaryModel

if TYPE_CHECKING:
    from ..services.approvals import OpenApproval


class StepBeforeModel(Model):
    """A step that an approval needs. `run_id` is its run, whose record people look at before they decide."""

    id: str
    title: str
    run_id: str


class OpenApprovalModel(Model):
    """An approval that waits, with its pipeline run. `who` are ids of actors; none: everybody who may run there.

    `may_decide` is about the person who asks. It is false for an approval of their own run on which others decide.
    """

    run: RunSummaryModel
    step: str
    title: str
    ask: str
    who: list[str]
    may_decide: bool
    asked_at: Instant
    due_at: Instant | None
    """The time at which it expires."""
    before: list[StepBeforeModel]

    @classmethod
    def from_domain(cls, found: OpenApproval) -> OpenApprovalModel:
        step, approval = found.step, found.step.approval
        assert approval is not None
        return cls(
            run=RunSummaryModel.from_domain(found.run),
            step=step.id,
            title=step.title,
            ask=approval.ask,
            who=list(approval.who),
            may_decide=found.may_decide,
            asked_at=found.asked_at,
            due_at=found.due_at,
            before=[
                StepBeforeModel(id=each.step.id, title=each.step.title, run_id=each.run_id) for each in found.before
            ],
        )
