"""The approvals that wait for a decision."""

from __future__ import annotations

from ..api_models import OpenApprovalModel, PageModel
from ..services import approvals
from .base import DataOpsHandler, operation
from .runs import RUNS


class ApprovalsHandler(DataOpsHandler):
    @operation(
        "The approvals on which this person may decide, and those of the person's own runs, the oldest first",
        action="read",
        resource=RUNS,
        answers={200: PageModel[OpenApprovalModel]},
    )
    def get(self) -> PageModel[OpenApprovalModel]:
        found = approvals.waiting(self.services, by=self.actor)
        return PageModel[OpenApprovalModel](items=[OpenApprovalModel.from_domain(each) for each in found], next=None)
