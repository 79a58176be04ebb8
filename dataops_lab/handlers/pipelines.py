"""Pipelines: the check of a file, the text of a new or an imported one, and the steps of a run."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field

from ..api_models import (
    DecisionRequest,
    ImportedModel,
    ImportRequest,
    ItemTableModel,
    PageModel,
    RepairPreviewModel,
    RepairRequest,
    RunModel,
    StepModel,
    StepReuseModel,
    SubmitRequest,
    SuggestionModel,
    SuggestRequest,
    ValidateRequest,
    ValidationModel,
)
from ..domain.policy import ObjectKind, Verb
from ..errors import InvalidRequest
from ..services import item_tables, pipeline_files, pipeline_imports, pipelines, repairs, reuse
from .base import BytesReply, DataOpsHandler, operation
from .jobs import JOBS
from .runs import KEY_HEADER, RUNS, Query, local_path, real_root, server_root, submission_of, submitted_reply

SCHEMA = Path(__file__).parent.with_name("pipelines") / "pipeline.schema.json"
"""The JSON Schema of a pipeline's file. `python -m dataops_lab.pipelines.schema` writes it."""


class ValidateHandler(DataOpsHandler):
    @operation(
        "Find what is wrong with a pipeline's file, or with a text in its place, each problem with line and column; "
        "runs and stores nothing",
        action="read",
        resource=JOBS,
        answers={200: ValidationModel},
        body=ValidateRequest,
        lane="submit",
    )
    def post(self, body: ValidateRequest) -> ValidationModel:
        found = pipeline_files.validate(
            self.services,
            local_path(self, body.path),
            root=server_root(self),
            by=self.actor,
            content=body.content,
            environment=body.environment,
        )
        return ValidationModel.from_domain(found)


class SchemaHandler(DataOpsHandler):
    @operation(
        "The JSON Schema of a pipeline's file, for editors",
        action="read",
        resource=JOBS,
        answers={200: "application/schema+json"},
    )
    def get(self) -> BytesReply:
        return BytesReply(SCHEMA.read_bytes(), "application/schema+json", SCHEMA.name, inline=True)


class SuggestHandler(DataOpsHandler):
    @operation(
        "Write the text of a new pipeline with a step for each of these notebooks and scripts, and a guessed edge "
        "where one reads what another one writes; stores nothing",
        action="read",
        resource=JOBS,
        answers={200: SuggestionModel},
        body=SuggestRequest,
        lane="submit",
    )
    def post(self, body: SuggestRequest) -> SuggestionModel:
        paths = [local_path(self, path) for path in body.paths]
        folder = None if body.folder is None else local_path(self, body.folder)
        new = pipeline_files.suggest(self.services, paths, root=server_root(self), folder=folder)
        return SuggestionModel.from_domain(new, _contents_path(self, new.folder))


class ImportHandler(DataOpsHandler):
    @operation(
        "Write the text of a pipeline that does what a pipeline of Elyra does, with a report of what was carried over; "
        "stores nothing",
        action="read",
        resource=JOBS,
        answers={200: ImportedModel},
        body=ImportRequest,
        lane="submit",
    )
    def post(self, body: ImportRequest) -> ImportedModel:
        folder = None if body.folder is None else local_path(self, body.folder)
        imported = pipeline_imports.import_elyra(
            self.services,
            local_path(self, body.path),
            root=server_root(self),
            by=self.actor,
            folder=folder,
            environment=body.environment,
        )
        return ImportedModel.from_domain(imported, _contents_path(self, imported.folder))


def _contents_path(handler: DataOpsHandler, folder: str) -> str:
    path = os.path.relpath(os.path.realpath(folder), real_root(handler)).replace(os.sep, "/")
    if path.startswith(".."):
        raise InvalidRequest("The folder of the new pipeline lies outside the server's root. Name one below it.")
    return "" if path == "." else path


class ReusePreviewHandler(DataOpsHandler):
    @operation(
        "Tell for each step of a pipeline whether a run with reuse takes over an earlier result or runs the step, and "
        "why; starts and stores nothing",
        action="read",
        resource=JOBS,
        answers={200: PageModel[StepReuseModel]},
        body=SubmitRequest,
        lane="submit",
    )
    def post(self, body: SubmitRequest) -> PageModel[StepReuseModel]:
        found = reuse.preview(self.services, submission_of(self, body), by=self.actor)
        return PageModel[StepReuseModel](items=[StepReuseModel.from_domain(step) for step in found], next=None)


class StepsHandler(DataOpsHandler):
    @operation(
        "The steps of a pipeline run, in the order of its file",
        action="read",
        resource=RUNS,
        answers={200: PageModel[StepModel]},
    )
    def get(self, run_id: str) -> PageModel[StepModel]:
        views = pipelines.steps(self.services, run_id, by=self.actor)
        return PageModel[StepModel](items=[StepModel.from_domain(view) for view in views], next=None)


class ItemsQuery(Query):
    """A query for the items of the fan-out `step`; a sweep needs none."""

    step: str | None = Field(default=None, max_length=60)


class ItemsHandler(DataOpsHandler):
    @operation(
        "The items of a fan-out, or the points of a sweep, with what each was given and recorded",
        action="read",
        resource=RUNS,
        answers={200: ItemTableModel},
        query=ItemsQuery,
    )
    def get(self, run_id: str, query: ItemsQuery) -> ItemTableModel:
        return ItemTableModel.from_domain(item_tables.table(self.services, run_id, query.step))


class DecisionHandler(DataOpsHandler):
    @operation(
        "Approve or reject a step that awaits a decision; safe to repeat",
        action="execute",
        resource=RUNS,
        answers={200: StepModel},
        body=DecisionRequest,
        permission=(Verb.DECIDE, ObjectKind.ENVIRONMENT),
    )
    def post(self, run_id: str, step: str, body: DecisionRequest) -> StepModel:
        view = pipelines.decide(
            self.services, run_id, step, approved=body.approved, comment=body.comment, by=self.actor
        )
        return StepModel.from_domain(view)


class RepairHandler(DataOpsHandler):
    @operation(
        "Repair a pipeline run that has ended, as a new run: results of steps that succeeded are taken over, the other "
        "steps run again",
        action="execute",
        resource=RUNS,
        answers={201: RunModel, 200: RunModel},
        body=RepairRequest,
        headers=(KEY_HEADER,),
        lane="submit",
    )
    def post(self, run_id: str, body: RepairRequest) -> tuple[int, RunModel]:
        key = self.request.headers.get(KEY_HEADER)
        return submitted_reply(
            repairs.repair(self.services, run_id, body.to_domain(), root=server_root(self), by=self.actor, key=key)
        )


class RepairPreviewHandler(DataOpsHandler):
    @operation(
        "Tell for each step whether a repair takes over its result or runs it again, and why; starts nothing",
        action="read",
        resource=RUNS,
        answers={200: RepairPreviewModel},
        body=RepairRequest,
        lane="submit",
    )
    def post(self, run_id: str, body: RepairRequest) -> RepairPreviewModel:
        planned = repairs.preview(self.services, run_id, body.to_domain(), root=server_root(self), by=self.actor)
        return RepairPreviewModel.from_domain(planned, newer=body.newer)
