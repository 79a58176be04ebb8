"""Imports of schedules from jupyter-scheduler, from the database in the data folder of the server."""

from __future__ import annotations

import os

from ..api_models import ScheduleImportModel, ScheduleImportRequest
from ..domain.policy import ObjectKind, Verb
from ..services import schedule_imports
from ..services.schedule_imports import ScheduleImport
from .base import DataOpsHandler, operation
from .runs import local_path, real_root
from .schedules import SCHEDULES


class ScheduleImportsHandler(DataOpsHandler):
    @operation(
        "Import schedules from jupyter-scheduler. They start nothing as long as their old ones do; safe to repeat",
        action="write",
        resource=SCHEDULES,
        answers={200: ScheduleImportModel},
        body=ScheduleImportRequest,
        lane="submit",
        permission=(Verb.RUN, ObjectKind.JOB),
    )
    def post(self, body: ScheduleImportRequest) -> ScheduleImportModel:
        wish = body.to_wish(local_path(self, body.folder))
        return _answer(self, schedule_imports.run(self.services, wish, by=self.actor))


class ScheduleImportPreviewHandler(DataOpsHandler):
    @operation(
        "Tell what an import of schedules from jupyter-scheduler would do; changes nothing",
        action="read",
        resource=SCHEDULES,
        answers={200: ScheduleImportModel},
        body=ScheduleImportRequest,
        lane="submit",
    )
    def post(self, body: ScheduleImportRequest) -> ScheduleImportModel:
        wish = body.to_wish(local_path(self, body.folder))
        return _answer(self, schedule_imports.preview(self.services, wish, by=self.actor))


def _answer(handler: DataOpsHandler, found: ScheduleImport) -> ScheduleImportModel:
    root = real_root(handler)
    return ScheduleImportModel.from_domain(found, lambda path: os.path.relpath(os.path.realpath(path), root))
