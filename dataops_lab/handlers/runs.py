"""Runs, and everything of their records."""

from __future__ import annotations

import os.path
import tempfile
from pathlib import Path

from jupyter_server.utils import to_os_path
from pydantic import BaseModel, ConfigDict, Field

from ..api_models import (
    BatchModel,
    BatchRequest,
    ComparisonModel,
    InputsModel,
    JournalPage,
    PageModel,
    RerunRequest,
    RunModel,
    RunSummaryModel,
    SubmitRequest,
    VerificationModel,
)
from ..domain.environments import Resources
from ..domain.policy import ObjectKind, Verb
from ..domain.runs import ParameterRow, RunState, Submission
from ..errors import PathOutsideRoot
from ..ports import RunFilter
from ..services import comparisons, integrity, portable_records, records, retention, runs
from ..services.runs import Submitted
from .base import RANGE_HEADER, BytesReply, Cursor, DataOpsHandler, UtcDatetime, operation

RUNS = "dataops:runs"
KEY_HEADER = "Idempotency-Key"


_STATE = f"({'|'.join(RunState)})"


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class RunsQuery(Query):
    """A query for runs. `state` is a list with commas; `q` is searched in job name, path and reason.

    `parent` is the id of a pipeline run: the answer has the runs of its steps, or of one `step`. Without it, they are
    left out.
    """

    state: str | None = Field(default=None, pattern=rf"^({_STATE}(,{_STATE})*)?$")
    job: str | None = None
    environment: str | None = None
    user: str | None = None
    q: str | None = Field(default=None, max_length=200)
    parent: str | None = None
    step: str | None = Field(default=None, max_length=60)
    created_after: UtcDatetime | None = None
    created_before: UtcDatetime | None = None
    limit: int = Field(default=50, ge=1, le=500)
    cursor: Cursor | None = None

    def filter(self) -> RunFilter:
        return RunFilter(
            states=tuple(RunState(name) for name in self.state.split(",")) if self.state else (),
            job_id=self.job,
            environment=self.environment,
            created_by=self.user,
            text=self.q,
            parent_id=self.parent,
            step=self.step,
            created_after=self.created_after,
            created_before=self.created_before,
        )


class JournalQuery(Query):
    after: int = Field(default=0, ge=0)
    limit: int = Field(default=1000, ge=1, le=10_000)


class NotebookQuery(Query):
    """A query for a notebook. With `executed` it is the executed one or an error.

    Without it, a run that has no executed notebook yet answers with the filled-in one.
    """

    executed: bool = False


class ReportQuery(Query):
    code: bool = False


def submitted_reply(submitted: Submitted) -> tuple[int, RunModel]:
    """Return the status and the body that answer a submission."""
    return (201 if submitted.created else 200), RunModel.from_domain(submitted.view)


class RunsHandler(DataOpsHandler):
    @operation(
        "List runs, newest first",
        action="read",
        resource=RUNS,
        answers={200: PageModel[RunSummaryModel]},
        query=RunsQuery,
    )
    def get(self, query: RunsQuery) -> PageModel[RunSummaryModel]:
        page = runs.page(self.services, query.filter(), limit=query.limit, cursor=query.cursor)
        return PageModel[RunSummaryModel](
            items=[RunSummaryModel.from_domain(run) for run in page.items], next=page.next
        )

    @operation(
        "Submit a notebook: snapshot it and queue a run, or a sweep with many points. The same key with the same "
        "request gives the same run (200)",
        action="execute",
        resource=RUNS,
        answers={201: RunModel, 200: RunModel},
        body=SubmitRequest,
        headers=(KEY_HEADER,),
        lane="submit",
    )
    def post(self, body: SubmitRequest) -> tuple[int, RunModel]:
        return submitted_reply(runs.submit(self.services, submission_of(self, body), by=self.actor))


class BatchHandler(DataOpsHandler):
    @operation(
        "Submit a notebook with many rows of parameters: one snapshot, and a run for each row, all or none. The same "
        "key with the same rows gives the same runs (200)",
        action="execute",
        resource=RUNS,
        answers={201: BatchModel, 200: BatchModel},
        body=BatchRequest,
        headers=(KEY_HEADER,),
        lane="submit",
    )
    def post(self, body: BatchRequest) -> tuple[int, BatchModel]:
        rows = [ParameterRow(parameters=row) for row in body.rows]
        queued = runs.submit_many(self.services, submission_of(self, body), rows, by=self.actor)
        created = sum(is_new for _, is_new in queued)
        answer = BatchModel(runs=[RunSummaryModel.from_domain(run) for run, _ in queued], created=created)
        return (201 if created else 200), answer


def submission_of(handler: DataOpsHandler, body: SubmitRequest) -> Submission:
    return Submission(
        path=local_path(handler, body.path),
        parameters=body.parameters,
        name=body.name,
        environment=body.environment,
        kernel=body.kernel,
        image=body.image,
        resources=body.resources.to_domain() if body.resources else Resources(),
        pinned=None if body.pinned is None else tuple(body.pinned),
        outputs=None if body.outputs is None else tuple(output.to_domain() for output in body.outputs),
        publish=body.publish,
        sweep=body.to_sweep(),
        reuse=body.reuse,
        **body.settings(),
        key=handler.request.headers.get(KEY_HEADER),
    )


class RunHandler(DataOpsHandler):
    @operation("One run", action="read", resource=RUNS, answers={200: RunModel})
    def get(self, run_id: str) -> RunModel:
        return RunModel.from_domain(runs.get(self.services, run_id))

    @operation(
        "Delete a run and its record, for good",
        action="write",
        resource=RUNS,
        answers={204: None},
        permission=(Verb.DELETE, ObjectKind.RUN),
    )
    def delete(self, run_id: str) -> None:
        retention.delete(self.services, run_id, by=self.actor)


class HoldHandler(DataOpsHandler):
    @operation(
        "Keep a run: nothing deletes it; safe to repeat",
        action="write",
        resource=RUNS,
        answers={200: RunModel},
        permission=(Verb.KEEP, ObjectKind.RUN),
    )
    def put(self, run_id: str) -> RunModel:
        return RunModel.from_domain(retention.keep(self.services, run_id, by=self.actor))

    @operation(
        "Let a run go; safe to repeat",
        action="write",
        resource=RUNS,
        answers={200: RunModel},
        permission=(Verb.KEEP, ObjectKind.RUN),
    )
    def delete(self, run_id: str) -> RunModel:
        return RunModel.from_domain(retention.unkeep(self.services, run_id, by=self.actor))


class VerifyHandler(DataOpsHandler):
    @operation(
        "Read every byte of a record, and say which are not as they were stored",
        action="write",
        resource=RUNS,
        answers={200: VerificationModel},
        lane="slow",
        permission=(Verb.VERIFY, ObjectKind.RUN),
    )
    def post(self, run_id: str) -> VerificationModel:
        run = runs.get(self.services, run_id).run
        return VerificationModel(
            run=run.id, integrity_errors=dict(integrity.verify(self.services, run.id, by=self.actor))
        )


class CancelHandler(DataOpsHandler):
    @operation(
        "Ask for the end of a run; safe to repeat",
        action="execute",
        resource=RUNS,
        answers={202: RunModel},
        permission=(Verb.CANCEL, ObjectKind.RUN),
    )
    def post(self, run_id: str) -> RunModel:
        return RunModel.from_domain(runs.cancel(self.services, run_id, by=self.actor))


class RerunHandler(DataOpsHandler):
    @operation(
        "Run the same version again, as a new run",
        action="execute",
        resource=RUNS,
        answers={201: RunModel, 200: RunModel},
        body=RerunRequest,
        headers=(KEY_HEADER,),
        lane="submit",
    )
    def post(self, run_id: str, body: RerunRequest) -> tuple[int, RunModel]:
        key = self.request.headers.get(KEY_HEADER)
        submitted = runs.rerun(
            self.services,
            run_id,
            parameters=body.parameters,
            by=self.actor,
            override=body.placement_override(),
            key=key,
            publish=body.publish or None,
        )
        return submitted_reply(submitted)


class NotebookHandler(DataOpsHandler):
    @operation(
        "The executed notebook; until its record is stored, the filled-in one without outputs",
        action="read",
        resource=RUNS,
        answers={200: "application/x-ipynb+json"},
        query=NotebookQuery,
        lane="files",
    )
    def get(self, run_id: str, query: NotebookQuery) -> BytesReply:
        notebook = records.open_notebook(self.services, run_id, executed=query.executed)
        return BytesReply(notebook, "application/x-ipynb+json", f"{run_id}.ipynb")


class InputsHandler(DataOpsHandler):
    @operation(
        "The files that a run finds beside its notebook, those of its version and those that it took fresh",
        action="read",
        resource=RUNS,
        answers={200: InputsModel},
    )
    def get(self, run_id: str) -> InputsModel:
        return InputsModel.from_domain(records.files(self.services, run_id))


class ComparisonHandler(DataOpsHandler):
    @operation(
        "The differences between a run that has ended and the last success of its job in its environment before it",
        action="read",
        resource=RUNS,
        answers={200: ComparisonModel},
        lane="slow",
    )
    def get(self, run_id: str) -> ComparisonModel:
        return ComparisonModel.from_domain(comparisons.of_run(self.services, run_id))


class JournalHandler(DataOpsHandler):
    @operation(
        "The events of a run after a sequence number",
        action="read",
        resource=RUNS,
        answers={200: JournalPage},
        query=JournalQuery,
        lane="files",
    )
    def get(self, run_id: str, query: JournalQuery) -> JournalPage:
        return JournalPage(**vars(records.journal(self.services, run_id, after=query.after, limit=query.limit)))


class LogHandler(DataOpsHandler):
    @operation(
        "Standard output and error of all cells, also while they run; a part of it with `Range`",
        action="read",
        resource=RUNS,
        answers={200: "text/plain", 206: "text/plain"},
        headers=(RANGE_HEADER,),
        lane="files",
    )
    def get(self, run_id: str) -> BytesReply:
        return BytesReply(records.log(self.services, run_id), "text/plain; charset=utf-8", f"{run_id}.log", inline=True)


class ReportHandler(DataOpsHandler):
    @operation(
        "The report, with or without code",
        action="read",
        resource=RUNS,
        answers={200: "text/html"},
        query=ReportQuery,
        lane="slow",
    )
    def get(self, run_id: str, query: ReportQuery) -> BytesReply:
        page = records.report(self.services, run_id, code=query.code, wanted=self.is_client_connected)
        return BytesReply(page, "text/html; charset=utf-8", f"{run_id}.html", inline=True)


class ArtifactHandler(DataOpsHandler):
    @operation(
        "One artifact, as a download",
        action="read",
        resource=RUNS,
        answers={200: "application/octet-stream"},
        lane="files",
    )
    def get(self, run_id: str, path: str) -> BytesReply:
        file, stream = records.artifact(self.services, run_id, path)
        return BytesReply(stream, "application/octet-stream", Path(file.path).name)


class RecordHandler(DataOpsHandler):
    @operation(
        "The portable record, a ZIP file", action="read", resource=RUNS, answers={200: "application/zip"}, lane="slow"
    )
    def get(self, run_id: str) -> BytesReply:
        archive = tempfile.TemporaryFile()  # noqa: SIM115  (closed when it has been sent)
        try:
            portable_records.export(self.services, run_id, archive)
        except BaseException:
            archive.close()
            raise
        archive.seek(0)
        return BytesReply(archive, "application/zip", f"{run_id}.zip")


def local_path(handler: DataOpsHandler, path: str) -> str:
    """Return the file that the contents API means by `path`. PathOutsideRoot when it lies outside the server's root.

    The server's root limits which files people may name, and nothing else: the snapshot finds the same workspace as on
    the command line, so that the same bytes are the same version.
    """
    root = server_root(handler)
    file = str(to_os_path(path.strip("/"), root))
    require_inside(file, root)
    return file


def require_inside(path: str, root: str) -> None:
    """Raise PathOutsideRoot when `path`, with its links followed, lies outside `root`."""
    if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(root)):
        raise PathOutsideRoot(f"{path} lies outside the folder that this server shows.", path=path, root=root)


def server_root(handler: DataOpsHandler) -> str:
    return str(Path(handler.settings["server_root_dir"]).expanduser())


def real_root(handler: DataOpsHandler) -> str:
    return os.path.realpath(server_root(handler))
