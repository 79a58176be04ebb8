"""Retention rules: show and set them, preview what they would delete, and apply them."""

from __future__ import annotations

from ..api_models import PreviewModel, PreviewRequest, RemovedModel, RetentionModel
from ..services import retention
from .base import DataOpsHandler, operation

RETENTION = "dataops:retention"


class RetentionHandler(DataOpsHandler):
    @operation("The rules", action="read", resource=RETENTION, answers={200: RetentionModel})
    def get(self) -> RetentionModel:
        return RetentionModel.from_domain(retention.rules(self.services))

    @operation(
        "Replace all rules. Nothing goes at once: the engine applies them within the hour",
        action="write",
        resource=RETENTION,
        answers={200: RetentionModel},
        body=RetentionModel,
    )
    def put(self, body: RetentionModel) -> RetentionModel:
        return RetentionModel.from_domain(retention.set_rules(self.services, body.to_domain(), by=self.actor))


class RetentionPreviewHandler(DataOpsHandler):
    @operation(
        "Preview what the rules, or the given ones, would delete; changes nothing",
        action="read",
        resource=RETENTION,
        answers={200: PreviewModel},
        body=PreviewRequest,
        lane="slow",
    )
    def post(self, body: PreviewRequest) -> PreviewModel:
        given = None if body.rules is None else [rule.to_domain() for rule in body.rules]
        return PreviewModel.from_domain(retention.preview(self.services, given))


class RetentionApplyHandler(DataOpsHandler):
    @operation(
        "Delete now what the rules let go, and collect what nothing refers to",
        action="write",
        resource=RETENTION,
        answers={200: RemovedModel},
        lane="slow",
    )
    def post(self) -> RemovedModel:
        return RemovedModel(**vars(retention.apply_now(self.services, by=self.actor)))
