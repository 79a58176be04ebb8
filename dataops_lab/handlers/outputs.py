"""The outputs of a run: what became of them, and their bytes."""

from __future__ import annotations

import posixpath

from ..api_models import OutputsModel, PublishRequest
from ..domain.policy import ObjectKind, Verb
from ..services import publications
from .base import BytesReply, DataOpsHandler, operation
from .runs import RUNS, real_root


class OutputsHandler(DataOpsHandler):
    @operation(
        "The outputs that a run declares, and what became of each", action="read", resource=RUNS,
        answers={200: OutputsModel},
    )  # fmt: skip
    def get(self, run_id: str) -> OutputsModel:
        return OutputsModel.from_domain(publications.list_outputs(self.services, run_id), real_root(self))


class OutputHandler(DataOpsHandler):
    @operation(
        "One output as the run left it, as a download",
        action="read",
        resource=RUNS,
        answers={200: "application/octet-stream"},
        lane="slow",
    )
    def get(self, run_id: str, path: str) -> BytesReply:
        found, stream = publications.open_output(self.services, run_id, path)
        return BytesReply(stream, "application/octet-stream", posixpath.basename(found.path))


class PublishHandler(DataOpsHandler):
    @operation(
        "Publish the outputs of a run that succeeded, also once more those that were refused; safe to repeat",
        action="execute",
        resource=RUNS,
        answers={202: OutputsModel},
        body=PublishRequest,
        permission=(Verb.PUBLISH, ObjectKind.RUN),
    )
    def post(self, run_id: str, body: PublishRequest) -> OutputsModel:
        publications.publish(self.services, run_id, overwrite=body.overwrite, by=self.actor)
        return OutputsModel.from_domain(publications.list_outputs(self.services, run_id), real_root(self))
