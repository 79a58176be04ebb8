"""A client of a running Jupyter server."""

from __future__ import annotations

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
from pydantic import BaseModel, ValidationError

from ..api_models import (
    BatchModel,
    BatchRequest,
    InputsModel,
    InspectionModel,
    InspectRequest,
    JobChanges,
    JobModel,
    JournalPage,
    PageModel,
    PreviewModel,
    PreviewRequest,
    ProjectChanges,
    ProjectModel,
    RelinkRequest,
    RemovedModel,
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
from ..domain.parameters import ParameterSchema
from ..domain.retention import RetentionRule
from ..domain.runs import ParameterRow, RunState
from ..domain.versions import parameter_from_json
from ..errors import DataOpsError, InvalidRequest, Refused, ServerUnreachable, Unavailable
from .base import Client, JobSettings, Settings, Update
from .files import replacing
from .problems import error_of
from .stream import Frame, frames

if TYPE_CHECKING:
    from .environments import Environments
    from .images import Images
    from .pipelines import Pipelines

API = "dataops/api/v1/"
CONNECT_WITHIN_S = 10.0
ANSWER_WITHIN_S = 300.0
"""The server needs long for a first report or for the record of a large run."""
SILENT_FOR_S = 45.0
"""The longest silence of the event stream; the server writes to it every fifteen seconds at least."""
RECONNECT_FOR_S = 60.0

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
                timeout=httpx.Timeout(CONNECT_WITHIN_S, read=ANSWER_WITHIN_S),
                transport=transport,
            )
        except httpx.InvalidURL as error:
            raise self._no_url(error) from error

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
        request = _valid(
            InspectRequest, path=path, kernel=kernel, environment=environment, image=image, pinned=_listed(pinned)
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
        **settings: Unpack[Settings],
    ) -> RunModel:
        values = dict(parameters or {})
        if texts:
            looked_at = self.inspect(path, kernel=kernel, environment=environment, image=image)
            values |= _schema(looked_at).parsed(texts)
        request = _valid(
            SubmitRequest,
            path=path,
            parameters=values,
            name=name,
            environment=environment,
            kernel=kernel,
            image=image,
            resources=ResourcesModel.model_validate(resources) if resources else None,
            pinned=_listed(pinned),
            **settings,
        )
        return self._post(RunModel, "runs", request, key=key)

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
        **settings: Unpack[Settings],
    ) -> list[RunSummaryModel]:
        common = dict(parameters or {})
        given = [dict(row.parameters) for row in rows]
        if texts or any(row.texts for row in rows):
            schema = _schema(self.inspect(path, kernel=kernel, environment=environment, image=image, pinned=pinned))
            common |= schema.parsed(texts)
            given = [values | schema.parsed(row.texts) for values, row in zip(given, rows, strict=True)]
        request = _valid(
            BatchRequest,
            path=path,
            parameters=common,
            rows=given,
            name=name,
            environment=environment,
            kernel=kernel,
            image=image,
            resources=ResourcesModel.model_validate(resources) if resources else None,
            pinned=_listed(pinned),
            **settings,
        )
        return self._post(BatchModel, "runs/batch", request, key=key).runs

    def run(self, run_id: str) -> RunModel:
        return self._get(RunModel, _run(run_id))

    def inputs(self, run_id: str) -> InputsModel:
        return self._get(InputsModel, _run(run_id, "inputs"))

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
        return self._post(RunModel, _run(run_id, "cancel"))

    def delete(self, run_id: str) -> None:
        self._send("DELETE", _run(run_id))

    def keep(self, run_id: str) -> RunModel:
        return self._read(RunModel, self._send("PUT", _run(run_id, "kept")))

    def unkeep(self, run_id: str) -> RunModel:
        return self._read(RunModel, self._send("DELETE", _run(run_id, "kept")))

    def verify(self, run_id: str) -> VerificationModel:
        return self._post(VerificationModel, _run(run_id, "verify"))

    def retention(self) -> list[RetentionRule]:
        return self._get(RetentionModel, "retention").to_domain()

    def set_retention(self, rules: Sequence[RetentionRule]) -> list[RetentionRule]:
        sent = RetentionModel.of(rules).model_dump_json()
        headers = {"Content-Type": "application/json"}
        return self._read(RetentionModel, self._send("PUT", "retention", content=sent, headers=headers)).to_domain()

    def preview_retention(self, rules: Sequence[RetentionRule] | None = None) -> PreviewModel:
        given = None if rules is None else RetentionModel.of(rules).rules
        return self._post(PreviewModel, "retention/preview", PreviewRequest(rules=given))

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
    ) -> RunModel:
        asked = RerunRequest(
            parameters=None if parameters is None else dict(parameters),
            environment=environment,
            image=image,
            resources=ResourcesModel.model_validate(resources) if resources else None,
        )
        return self._post(RunModel, _run(run_id, "rerun"), asked, key=key)

    def follow(self, run_id: str, *, journal: bool = False) -> Iterator[Update]:
        run = self.run(run_id).summary()
        yield Update(run)
        if run.is_terminal and not journal:
            return
        attempt = seen = again = 0
        for frame in self._stream({"journal": run.id} if journal else {}):
            events: list[dict[str, Any]] = []
            complete = not journal
            match frame.event:
                case "ready":
                    # The run may have changed before the stream was there.
                    run = self._now(run)
                case "run":
                    told = RunSummaryModel.model_validate_json(frame.data)
                    run = told if told.id == run.id else run
                case Frame.ANEW:
                    # The journal begins again at its first event.
                    again = seen
                    continue
                case "journal":
                    told_events = json.loads(frame.data)
                    if told_events["attempt"] != attempt:
                        attempt, seen, again = told_events["attempt"], 0, 0
                    events, complete = told_events["events"], told_events["complete"]
                    again, events = max(0, again - len(events)), events[again:]
                    seen += len(events)
                    if complete and not run.is_terminal:
                        run = self._now(run)
            yield Update(run, events)
            if complete and run.is_terminal:
                return

    def journal(self, run_id: str, *, after: int = 0, limit: int = 1000) -> JournalPage:
        return self._get(JournalPage, _run(run_id, "journal"), after=after, limit=limit)

    def notebook(self, run_id: str) -> bytes:
        return self._send("GET", _run(run_id, "notebook")).content

    def executed_notebook(self, run_id: str) -> bytes:
        return self._send("GET", _run(run_id, "notebook"), params={"executed": "1"}).content

    def log(self, run_id: str, *, after: int = 0) -> Iterator[bytes]:
        headers = {"Range": f"bytes={after}-"} if after else {}
        try:
            with self._reading(_run(run_id, "log"), headers=headers) as response:
                skip = 0 if response.status_code == httpx.codes.PARTIAL_CONTENT else after
                for piece in response.iter_bytes():
                    if len(piece) > skip:
                        yield piece[skip:]
                    skip = max(0, skip - len(piece))
        except DataOpsError as error:
            if error.precise_code != "range_not_satisfiable":
                raise

    def report(self, run_id: str, *, code: bool = False) -> bytes:
        return self._send("GET", _run(run_id, "report"), params={"code": int(code)}).content

    def artifact(self, run_id: str, name: str, path: Path) -> None:
        self._download(_run(run_id, "artifacts", *name.split("/")), path)

    def record(self, run_id: str, path: Path) -> None:
        self._download(_run(run_id, "record"), path)

    def jobs(self, *, text: str | None = None, limit: int = 50, cursor: str | None = None) -> PageModel[JobModel]:
        return self._get(PageModel[JobModel], "jobs", q=text, limit=limit, cursor=cursor)

    def job(self, job_id: str) -> JobModel:
        return self._get(JobModel, f"jobs/{_quoted(job_id)}")

    def change_job(self, job_id: str, *, revision: int | None = None, **changes: Unpack[JobSettings]) -> JobModel:
        body = _valid(JobChanges, revision=revision, **changes)
        return self._patch(JobModel, f"jobs/{_quoted(job_id)}", body)

    def project(self, name: str = "default") -> ProjectModel:
        return self._get(ProjectModel, f"projects/{_quoted(name)}")

    def limit_project(self, name: str, concurrency: int | None) -> ProjectModel:
        return self._patch(ProjectModel, f"projects/{_quoted(name)}", _valid(ProjectChanges, concurrency=concurrency))

    def relink_job(self, job_id: str, *, job: str | None = None, path: str | None = None) -> JobModel:
        body = _valid(RelinkRequest, job=job, path=path)
        return self._post(JobModel, f"jobs/{_quoted(job_id)}/relink", body)

    def versions(self, job_id: str) -> list[VersionModel]:
        return self._get(PageModel[VersionModel], f"jobs/{_quoted(job_id)}/versions").items

    def _now(self, run: RunSummaryModel) -> RunSummaryModel:
        try:
            return self.run(run.id).summary()
        except Unavailable:
            # The stream is gone too. When it is back, it sends the run again.
            return run

    def ask(self, model: type[M], method: str, path: str, body: BaseModel | None = None, **query: Any) -> M:
        """Send one request below the API's address, and read the answer as `model`. None in `query` is not sent."""
        given = {name: value for name, value in query.items() if value is not None}
        if method in ("GET", "DELETE"):
            return self._read(model, self._send(method, path, params=given))
        content = body.model_dump_json(exclude_unset=True) if body else "{}"
        headers = {"Content-Type": "application/json"}
        return self._read(model, self._send(method, path, params=given, content=content, headers=headers))

    def text(self, path: str) -> str:
        return self._send("GET", path).text

    def _get(self, model: type[M], path: str, **query: Any) -> M:
        given = {name: value for name, value in query.items() if value is not None}
        return self._read(model, self._send("GET", path, params=given))

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
        with self._failures_as_our_own():
            response = self._http.request(method, path, **options)
            return self._checked(response)

    @contextmanager
    def _reading(self, path: str, **options: Any) -> Iterator[httpx.Response]:
        with self._failures_as_our_own(), self._http.stream("GET", path, **options) as response:
            yield self._checked(response)

    def _download(self, path: str, target: Path) -> None:
        with self._reading(path) as response, replacing(target) as file:
            for chunk in response.iter_bytes():
                file.write(chunk)

    def _stream(self, query: dict[str, str]) -> Iterator[Frame]:
        """Yield the frames of the event stream without an end. After a break it goes on behind the last frame.

        Where the server no longer has the events from there on, it yields a frame ANEW and begins with the newest
        event. Unavailable when the server cannot be reached for RECONNECT_FOR_S seconds.
        """
        last_id = ""
        lost_at: float | None = None
        timeout = httpx.Timeout(CONNECT_WITHIN_S, read=SILENT_FOR_S)
        while True:
            try:
                headers = {"Last-Event-ID": last_id} if last_id else {}
                with self._reading("events", params=query, headers=headers, timeout=timeout) as response:
                    for frame in frames(response.iter_bytes()):
                        lost_at = None
                        last_id = frame.id or last_id
                        yield frame
            except Unavailable:
                if lost_at is not None and time.monotonic() - lost_at > RECONNECT_FOR_S:
                    raise
            except Refused as refused:
                if refused.precise_code != "events_trimmed" or not last_id:
                    raise
                last_id = ""
                yield Frame(Frame.ANEW)
                continue
            lost_at = lost_at or time.monotonic()
            time.sleep(min(5.0, 0.1 + (time.monotonic() - lost_at) / 4))

    def _checked(self, response: httpx.Response) -> httpx.Response:
        if response.is_success:
            return response
        raise error_of(response.status_code, response.read())

    @contextmanager
    def _failures_as_our_own(self) -> Iterator[None]:
        try:
            yield
        except httpx.UnsupportedProtocol as error:
            raise self._no_url(error) from error
        except httpx.TransportError as error:
            said = str(error) or type(error).__name__
            raise ServerUnreachable(f"{self._url} cannot be reached: {said}. Is the server running?") from error

    def _no_url(self, error: Exception) -> InvalidRequest:
        return InvalidRequest(f"{self._url!r} is not the address of a server ({error}). One is http://127.0.0.1:8888.")


def _run(run_id: str, *below: str) -> str:
    return "/".join(["runs", _quoted(run_id), *map(_quoted, below)])


def _quoted(name: str) -> str:
    # Servers read `.` and `..` as steps in the path, not as names.
    return "%2E" * len(name) if name in (".", "..") else quote(name, safe="")


def _listed(items: Sequence[str] | None) -> list[str] | None:
    return None if items is None else list(items)


def _valid(model: type[M], **given: Any) -> M:
    try:
        return model(**given)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise InvalidRequest(f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}.") from None


def _schema(inspection: InspectionModel) -> ParameterSchema:
    return ParameterSchema(tuple(parameter_from_json(p.model_dump()) for p in inspection.parameters))
