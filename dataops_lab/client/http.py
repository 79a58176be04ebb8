"""A client of a running Jupyter server."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, Unpack
from urllib.parse import quote

import httpx
from pydantic import BaseModel

from ..api_models import (
    AuditEntryModel,
    AuditVerificationModel,
    AuditVerifyRequest,
    BatchModel,
    BatchRequest,
    ComparisonModel,
    InputsModel,
    InspectionModel,
    InspectRequest,
    JobChanges,
    JobModel,
    JournalPage,
    OutputDeclaration,
    OutputsModel,
    PageModel,
    PreviewModel,
    PreviewRequest,
    ProjectChanges,
    ProjectModel,
    PublishRequest,
    RelinkRequest,
    RemovedModel,
    ReproduceRequest,
    ReproductionModel,
    RerunRequest,
    ResourcesModel,
    RetentionModel,
    RunModel,
    RunSummaryModel,
    Status,
    SubmitRequest,
    VerificationModel,
    VersionModel,
)
from ..domain.environments import Resources
from ..domain.outputs import Output
from ..domain.retention import RetentionRule
from ..domain.runs import ParameterRow, RunState
from ..domain.sweeps import Sweep
from ..errors import DataOpsError, InvalidRequest, Refused, ServerUnreachable, Unavailable
from .base import AuditWhere, Client, JobSettings, Settings, Update
from .files import open_replacement
from .problems import error_of
from .stream import Frame, frames
from .validation import parameter_schema, validated

if TYPE_CHECKING:
    from .environments import Environments
    from .images import Images
    from .notifications import Notifications
    from .pipelines import Pipelines
    from .schedules import Schedules
    from .subscriptions import Subscriptions

API = "dataops/api/v1/"
CONNECT_TIMEOUT_S = 10.0
RESPONSE_TIMEOUT_S = 300.0
"""The server needs long for a first report or for the record of a large run."""
STREAM_TIMEOUT_S = 45.0
"""The longest silence of the event stream; the server writes to it every fifteen seconds at least."""
GIVE_UP_RECONNECT_S = 60.0

M = TypeVar("M", bound=BaseModel)


class HttpClient(Client):
    """A client of a Jupyter server at the base URL `url`. `token` is the server's token, or a JupyterHub token.

    Paths of notebooks are those that Jupyter's file browser shows. Close it, or use it in a `with` block.
    """

    def __init__(self, url: str, token: str | None = None, *, transport: httpx.BaseTransport | None = None) -> None:
        self._url = url.rstrip("/")
        try:
            self._http = httpx.Client(
                base_url=f"{self._url}/{API}",
                headers={"Authorization": f"token {token}"} if token else {},
                timeout=httpx.Timeout(CONNECT_TIMEOUT_S, read=RESPONSE_TIMEOUT_S),
                transport=transport,
            )
        except httpx.InvalidURL as error:
            raise self._invalid_url(error) from error

    @cached_property
    def images(self) -> Images:
        from .images import HttpImages

        return HttpImages(self)

    @cached_property
    def environments(self) -> Environments:
        from .environments import HttpEnvironments

        return HttpEnvironments(self)

    @cached_property
    def pipelines(self) -> Pipelines:
        from .pipelines import HttpPipelines

        return HttpPipelines(self)

    @cached_property
    def subscriptions(self) -> Subscriptions:
        from .subscriptions import HttpSubscriptions

        return HttpSubscriptions(self)

    @cached_property
    def schedules(self) -> Schedules:
        from .schedules import HttpSchedules

        return HttpSchedules(self)

    @cached_property
    def notifications(self) -> Notifications:
        from .notifications import HttpNotifications

        return HttpNotifications(self)

    def close(self) -> None:
        self._http.close()

    def __enter__(self) -> HttpClient:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def status(self) -> Status:
        return self._get(Status, "status")

    def inspect(
        self,
        path: str,
        *,
        kernel: str | None = None,
        environment: str = "sandbox",
        image: str | None = None,
        pinned: Sequence[str] | None = None,
    ) -> InspectionModel:
        request = validated(
            InspectRequest,
            path=path,
            kernel=kernel,
            environment=environment,
            image=image,
            pinned=_optional_list(pinned),
        )
        return self._post(InspectionModel, "inspect", request)

    def submit(
        self,
        path: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        texts: Sequence[tuple[str, str]] = (),
        name: str | None = None,
        environment: str = "sandbox",
        kernel: str | None = None,
        image: str | None = None,
        resources: Resources | None = None,
        key: str | None = None,
        pinned: Sequence[str] | None = None,
        sweep: Sweep | None = None,
        outputs: Sequence[Output] | None = None,
        publish: bool | None = None,
        reuse: bool = False,
        **settings: Unpack[Settings],
    ) -> RunModel:
        values = dict(parameters or {})
        if texts or (sweep and sweep.texts):
            schema = parameter_schema(self.inspect(path, kernel=kernel, environment=environment, image=image))
            values |= schema.parse_texts(texts)
            sweep = sweep.read(schema) if sweep else None
        of_sweep: dict[str, Any] = {}
        if sweep:
            swept = {name: list(each) for name, each in sweep.values.items()}
            of_sweep = {"sweep": swept, "concurrency": sweep.concurrency, "max_failures": sweep.max_failures.written}
        request = validated(
            SubmitRequest,
            path=path,
            parameters=values,
            name=name,
            environment=environment,
            kernel=kernel,
            image=image,
            resources=ResourcesModel.model_validate(resources) if resources else None,
            pinned=_optional_list(pinned),
            outputs=_declarations(outputs),
            publish=publish,
            reuse=reuse,
            **of_sweep,
            **settings,
        )
        return self._post(RunModel, "runs", request, key=key)

    def parse_texts(
        self, path: str, texts: Sequence[tuple[str, str]], *, environment: str, image: str | None
    ) -> dict[str, Any]:
        """Read parameters as people type them, by the types that the file declares."""
        return parameter_schema(self.inspect(path, environment=environment, image=image)).parse_texts(texts)

    def submit_many(
        self,
        path: str,
        rows: Sequence[ParameterRow],
        *,
        parameters: Mapping[str, Any] | None = None,
        texts: Sequence[tuple[str, str]] = (),
        name: str | None = None,
        environment: str = "sandbox",
        kernel: str | None = None,
        image: str | None = None,
        resources: Resources | None = None,
        key: str | None = None,
        pinned: Sequence[str] | None = None,
        outputs: Sequence[Output] | None = None,
        publish: bool | None = None,
        **settings: Unpack[Settings],
    ) -> list[RunSummaryModel]:
        common = dict(parameters or {})
        shared_values = [dict(row.parameters) for row in rows]
        if texts or any(row.texts for row in rows):
            schema = parameter_schema(
                self.inspect(path, kernel=kernel, environment=environment, image=image, pinned=pinned)
            )
            common |= schema.parse_texts(texts)
            shared_values = [
                values | schema.parse_texts(row.texts) for values, row in zip(shared_values, rows, strict=True)
            ]
        request = validated(
            BatchRequest,
            path=path,
            parameters=common,
            rows=shared_values,
            name=name,
            environment=environment,
            kernel=kernel,
            image=image,
            resources=ResourcesModel.model_validate(resources) if resources else None,
            pinned=_optional_list(pinned),
            outputs=_declarations(outputs),
            publish=publish,
            **settings,
        )
        return self._post(BatchModel, "runs/batch", request, key=key).runs

    def run(self, run_id: str) -> RunModel:
        return self._get(RunModel, _run_path(run_id))

    def inputs(self, run_id: str) -> InputsModel:
        return self._get(InputsModel, _run_path(run_id, "inputs"))

    def comparison(self, run_id: str) -> ComparisonModel:
        return self._get(ComparisonModel, _run_path(run_id, "comparison"))

    def runs(
        self,
        *,
        states: Sequence[RunState] = (),
        job: str | None = None,
        environment: str | None = None,
        user: str | None = None,
        text: str | None = None,
        parent: str | None = None,
        step: str | None = None,
        limit: int = 50,
        cursor: str | None = None,
    ) -> PageModel[RunSummaryModel]:
        return self._get(
            PageModel[RunSummaryModel],
            "runs",
            state=",".join(states) or None,
            job=job,
            environment=environment,
            user=user,
            q=text,
            parent=parent,
            step=step,
            limit=limit,
            cursor=cursor,
        )

    def cancel(self, run_id: str) -> RunModel:
        return self._post(RunModel, _run_path(run_id, "cancel"))

    def delete(self, run_id: str) -> None:
        self._send("DELETE", _run_path(run_id))

    def keep(self, run_id: str) -> RunModel:
        return self._read(RunModel, self._send("PUT", _run_path(run_id, "hold")))

    def unkeep(self, run_id: str) -> RunModel:
        return self._read(RunModel, self._send("DELETE", _run_path(run_id, "hold")))

    def verify(self, run_id: str) -> VerificationModel:
        return self._post(VerificationModel, _run_path(run_id, "verify"))

    def audit(
        self, *, limit: int = 50, cursor: str | None = None, **where: Unpack[AuditWhere]
    ) -> PageModel[AuditEntryModel]:
        query = {name: value.isoformat() if isinstance(value, dt.datetime) else value for name, value in where.items()}
        return self._get(PageModel[AuditEntryModel], "audit", limit=limit, cursor=cursor, **query)

    def verify_audit(self, against: Sequence[str] = ()) -> AuditVerificationModel:
        return self._post(AuditVerificationModel, "audit/verify", AuditVerifyRequest(against=list(against)))

    def retention(self) -> list[RetentionRule]:
        return self._get(RetentionModel, "retention").to_domain()

    def set_retention(self, rules: Sequence[RetentionRule]) -> list[RetentionRule]:
        body = RetentionModel.from_domain(rules).model_dump_json()
        headers = {"Content-Type": "application/json"}
        return self._read(RetentionModel, self._send("PUT", "retention", content=body, headers=headers)).to_domain()

    def preview_retention(self, rules: Sequence[RetentionRule] | None = None) -> PreviewModel:
        body = None if rules is None else RetentionModel.from_domain(rules).rules
        return self._post(PreviewModel, "retention/preview", PreviewRequest(rules=body))

    def apply_retention(self) -> RemovedModel:
        return self._post(RemovedModel, "retention/apply")

    def rerun(
        self,
        run_id: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        environment: str | None = None,
        image: str | None = None,
        resources: Resources | None = None,
        key: str | None = None,
        publish: bool = False,
    ) -> RunModel:
        request = RerunRequest(
            parameters=None if parameters is None else dict(parameters),
            environment=environment,
            image=image,
            resources=ResourcesModel.model_validate(resources) if resources else None,
            publish=publish,
        )
        return self._post(RunModel, _run_path(run_id, "rerun"), request, key=key)

    def follow(self, run_id: str, *, journal: bool = False) -> Iterator[Update]:
        run = self.run(run_id).summary()
        yield Update(run)
        if run.is_terminal and not journal:
            return
        attempt = event_count = repeated_count = 0
        for frame in self._stream({"journal": run.id} if journal else {}):
            events: list[dict[str, Any]] = []
            complete = not journal
            match frame.event:
                case "ready":
                    # The run may have changed before the stream was there.
                    run = self._reload(run)
                case "run":
                    update = RunSummaryModel.model_validate_json(frame.data)
                    run = update if update.id == run.id else run
                case Frame.RESTARTED:
                    # The journal begins again at its first event.
                    repeated_count = event_count
                    continue
                case "journal":
                    journal_page = json.loads(frame.data)
                    if journal_page["attempt"] != attempt:
                        attempt, event_count, repeated_count = journal_page["attempt"], 0, 0
                    events, complete = journal_page["events"], journal_page["complete"]
                    repeated_count, events = max(0, repeated_count - len(events)), events[repeated_count:]
                    event_count += len(events)
                    if complete and not run.is_terminal:
                        run = self._reload(run)
            yield Update(run, events)
            if complete and run.is_terminal:
                return

    def journal(self, run_id: str, *, after: int = 0, limit: int = 1000) -> JournalPage:
        return self._get(JournalPage, _run_path(run_id, "journal"), after=after, limit=limit)

    def notebook(self, run_id: str) -> bytes:
        return self._send("GET", _run_path(run_id, "notebook")).content

    def executed_notebook(self, run_id: str) -> bytes:
        return self._send("GET", _run_path(run_id, "notebook"), params={"executed": "1"}).content

    def log(self, run_id: str, *, after: int = 0) -> Iterator[bytes]:
        headers = {"Range": f"bytes={after}-"} if after else {}
        try:
            with self._open_response(_run_path(run_id, "log"), headers=headers) as response:
                skip_count = 0 if response.status_code == httpx.codes.PARTIAL_CONTENT else after
                for chunk in response.iter_bytes():
                    if len(chunk) > skip_count:
                        yield chunk[skip_count:]
                    skip_count = max(0, skip_count - len(chunk))
        except DataOpsError as error:
            if error.precise_code != "range_not_satisfiable":
                raise

    def report(self, run_id: str, *, code: bool = False) -> bytes:
        return self._send("GET", _run_path(run_id, "report"), params={"code": int(code)}).content

    def artifact(self, run_id: str, name: str, path: Path) -> None:
        self._download(_run_path(run_id, "artifacts", *name.split("/")), path)

    def outputs(self, run_id: str) -> OutputsModel:
        return self._get(OutputsModel, _run_path(run_id, "outputs"))

    def output(self, run_id: str, name: str, path: Path) -> None:
        self._download(_run_path(run_id, "outputs", *name.split("/")), path)

    def publish(self, run_id: str, *, overwrite: bool = False) -> OutputsModel:
        return self._post(OutputsModel, _run_path(run_id, "publish"), PublishRequest(overwrite=overwrite))

    def reproduce(
        self, run_id: str, *, step: str | None = None, item: str | None = None, folder: str | None = None
    ) -> ReproductionModel:
        body = validated(ReproduceRequest, step=step, item=item, folder=folder)
        return self._post(ReproductionModel, _run_path(run_id, "reproduce"), body)

    def record(self, run_id: str, path: Path) -> None:
        self._download(_run_path(run_id, "record"), path)

    def jobs(self, *, text: str | None = None, limit: int = 50, cursor: str | None = None) -> PageModel[JobModel]:
        return self._get(PageModel[JobModel], "jobs", q=text, limit=limit, cursor=cursor)

    def job(self, job_id: str) -> JobModel:
        return self._get(JobModel, f"jobs/{_quoted(job_id)}")

    def change_job(self, job_id: str, *, revision: int | None = None, **changes: Unpack[JobSettings]) -> JobModel:
        body = validated(JobChanges, revision=revision, **changes)
        return self._patch(JobModel, f"jobs/{_quoted(job_id)}", body)

    def project(self, name: str = "default") -> ProjectModel:
        return self._get(ProjectModel, f"projects/{_quoted(name)}")

    def limit_project(self, name: str, concurrency: int | None) -> ProjectModel:
        return self._patch(
            ProjectModel, f"projects/{_quoted(name)}", validated(ProjectChanges, concurrency=concurrency)
        )

    def relink_job(self, job_id: str, *, job: str | None = None, path: str | None = None) -> JobModel:
        body = validated(RelinkRequest, job=job, path=path)
        return self._post(JobModel, f"jobs/{_quoted(job_id)}/relink", body)

    def versions(self, job_id: str) -> list[VersionModel]:
        return self._get(PageModel[VersionModel], f"jobs/{_quoted(job_id)}/versions").items

    def _reload(self, run: RunSummaryModel) -> RunSummaryModel:
        try:
            return self.run(run.id).summary()
        except Unavailable:
            # The stream is gone too. When it is back, it sends the run again.
            return run

    def post(self, model: type[M], path: str, body: BaseModel, *, key: str | None = None) -> M:
        """Send a request that may have an idempotency key."""
        return self._post(model, path, body, key=key)

    def request(self, model: type[M], method: str, path: str, body: BaseModel | None = None, **query: Any) -> M:
        """Send one request below the API's address, and read the answer as `model`. None in `query` is not sent."""
        parameters = {name: value for name, value in query.items() if value is not None}
        if method in ("GET", "DELETE"):
            return self._read(model, self._send(method, path, params=parameters))
        content = body.model_dump_json(exclude_unset=True) if body else "{}"
        headers = {"Content-Type": "application/json"}
        return self._read(model, self._send(method, path, params=parameters, content=content, headers=headers))

    def text(self, path: str) -> str:
        return self._send("GET", path).text

    def _get(self, model: type[M], path: str, **query: Any) -> M:
        parameters = {name: value for name, value in query.items() if value is not None}
        return self._read(model, self._send("GET", path, params=parameters))

    def _post(self, model: type[M], path: str, body: BaseModel | None = None, *, key: str | None = None) -> M:
        headers = {"Content-Type": "application/json"}
        if key is not None:
            if not (key.isascii() and key.isprintable()):
                raise InvalidRequest("An idempotency key for a server is made of printable ASCII characters.")
            headers["Idempotency-Key"] = key
        content = body.model_dump_json() if body else "{}"
        return self._read(model, self._send("POST", path, content=content, headers=headers))

    def _patch(self, model: type[M], path: str, body: BaseModel) -> M:
        """Send only the fields that were given to `body`; the server leaves the others as they are."""
        content = body.model_dump_json(exclude_unset=True)
        headers = {"Content-Type": "application/json"}
        return self._read(model, self._send("PATCH", path, content=content, headers=headers))

    def _read(self, model: type[M], response: httpx.Response) -> M:
        try:
            return model.model_validate_json(response.content)
        except ValueError as error:
            raise ServerUnreachable(
                f"{self._url} answers something else than this client knows. Are both of the same version?"
            ) from error

    def _send(self, method: str, path: str, **options: Any) -> httpx.Response:
        with self._translated_errors():
            response = self._http.request(method, path, **options)
            return self._check_status(response)

    @contextmanager
    def _open_response(self, path: str, **options: Any) -> Iterator[httpx.Response]:
        with self._translated_errors(), self._http.stream("GET", path, **options) as response:
            yield self._check_status(response)

    def _download(self, path: str, target: Path) -> None:
        with self._open_response(path) as response, open_replacement(target) as file:
            for chunk in response.iter_bytes():
                file.write(chunk)

    def _stream(self, query: dict[str, str]) -> Iterator[Frame]:
        """Yield the frames of the event stream without an end. After a break it goes on behind the last frame.

        Where the server no longer has the events from there on, it yields a frame RESTARTED and begins with the newest
        event. Unavailable when the server cannot be reached for GIVE_UP_RECONNECT_S seconds.
        """
        last_id = ""
        lost_at: float | None = None
        timeout = httpx.Timeout(CONNECT_TIMEOUT_S, read=STREAM_TIMEOUT_S)
        while True:
            try:
                headers = {"Last-Event-ID": last_id} if last_id else {}
                with self._open_response("events", params=query, headers=headers, timeout=timeout) as response:
                    for frame in frames(response.iter_bytes()):
                        lost_at = None
                        last_id = frame.id or last_id
                        yield frame
            except Unavailable:
                if lost_at is not None and time.monotonic() - lost_at > GIVE_UP_RECONNECT_S:
                    raise
            except Refused as refused:
                if refused.precise_code != "events_trimmed" or not last_id:
                    raise
                last_id = ""
                yield Frame(Frame.RESTARTED)
                continue
            lost_at = lost_at or time.monotonic()
            time.sleep(min(5.0, 0.1 + (time.monotonic() - lost_at) / 4))

    def _check_status(self, response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        raise error_of(response.status_code, response.read())

    @contextmanager
    def _translated_errors(self) -> Iterator[None]:
        try:
            yield
        except httpx.UnsupportedProtocol as error:
            raise self._invalid_url(error) from error
        except httpx.TransportError as error:
            message = str(error) or type(error).__name__
            raise ServerUnreachable(f"{self._url} cannot be reached: {message}. Is the server running?") from error

    def _invalid_url(self, error: Exception) -> InvalidRequest:
        return InvalidRequest(f"{self._url!r} is not the address of a server ({error}). One is http://127.0.0.1:8888.")


def _run_path(run_id: str, *parts: str) -> str:
    return "/".join(["runs", _quoted(run_id), *map(_quoted, parts)])


def _quoted(name: str) -> str:
    # Servers read `.` and `..` as steps in the path, not as names.
    return "%2E" * len(name) if name in (".", "..") else quote(name, safe="")


def _declarations(outputs: Sequence[Output] | None) -> list[OutputDeclaration] | None:
    return None if outputs is None else [OutputDeclaration.from_domain(output) for output in outputs]


def _optional_list(items: Sequence[str] | None) -> list[str] | None:
    return None if items is None else list(items)
