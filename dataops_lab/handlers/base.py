"""The parts that all routes share: login, permission, reading, threads, and errors as problem+json.

A verb is a plain function that reads, calls a service and returns a model; `operation` describes it and does
the rest. The OpenAPI document and the test that walks all routes are made from the same description.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import io
import json
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial, wraps
from http import HTTPStatus
from typing import Annotated, Any, BinaryIO, Literal
from urllib.parse import quote

from jupyter_server.auth.identity import IdentityProvider, LegacyIdentityProvider
from jupyter_server.base.handlers import APIHandler
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, Field, ValidationError
from tornado.web import HTTPError, authenticated

from ..api_models import PageModel, Problem
from ..domain.actors import Actor
from ..domain.policy import Access, ObjectKind, Verb, required_access
from ..errors import (
    Conflict,
    Damaged,
    DataOpsError,
    Forbidden,
    InvalidRequest,
    NotAuthentic,
    NotFound,
    Refused,
    RequestTooLarge,
    TooManyRequests,
    Unavailable,
    UnsupportedMedia,
)
from ..services import Services, audit
from ..services.permissions import require_before_lookup
from .broadcaster import Broadcaster
from .lanes import Lane, Lanes

Action = Literal["read", "write", "execute"]
Identity = Literal["owner", "provider"]
_VERBS: dict[Action, Verb] = {"read": Verb.READ, "write": Verb.CHANGE, "execute": Verb.RUN}


def _rfc3339(text: str) -> str:
    if not re.match(r"\d{4}-\d\d-\d\d[T ]", text):
        raise ValueError("needs a date and time as 2026-01-31T08:00:00Z")
    return text


def _in_utc(value: dt.datetime) -> dt.datetime:
    try:
        return value.astimezone(dt.UTC)
    except OverflowError:
        raise ValueError("is not a moment of the years 1 to 9999 in UTC") from None


# Check the text first: pydantic would also accept numbers, and times without a time zone.
UtcDatetime = Annotated[AwareDatetime, BeforeValidator(_rfc3339), AfterValidator(_in_utc)]
Cursor = Annotated[str, Field(pattern=r"^[0-9A-Za-z]{26}$")]
"""The `next` of a page, which is an id."""

NOT_AS_DOCUMENTED = "The request is not as the API documents it:"
PROBLEM_JSON = "application/problem+json"
_IDENTITY_METHODS = (
    *("get_user", "get_user_token", "get_user_cookie", "user_from_cookie"),
    *("generate_anonymous_user", "process_login_form"),
)

STATUS_OF: dict[type[DataOpsError], HTTPStatus] = {
    NotFound: HTTPStatus.NOT_FOUND,
    Conflict: HTTPStatus.CONFLICT,
    InvalidRequest: HTTPStatus.BAD_REQUEST,
    RequestTooLarge: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    UnsupportedMedia: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    Refused: HTTPStatus.UNPROCESSABLE_ENTITY,
    NotAuthentic: HTTPStatus.UNAUTHORIZED,
    TooManyRequests: HTTPStatus.TOO_MANY_REQUESTS,
    Forbidden: HTTPStatus.FORBIDDEN,
    Unavailable: HTTPStatus.SERVICE_UNAVAILABLE,
    Damaged: HTTPStatus.INTERNAL_SERVER_ERROR,
    DataOpsError: HTTPStatus.INTERNAL_SERVER_ERROR,
}


@dataclass(frozen=True)
class BytesReply:
    """A reply that is not JSON. A browser shows it only with `inline`, and then without scripts."""

    content: bytes | BinaryIO
    media_type: str
    filename: str
    inline: bool = False


@dataclass(frozen=True)
class Operation:
    """The description of one verb of a route.

    `answers` maps each good status to its model, to a media type, or to None for no body. With a 206 among them the
    header `Range` has an effect.
    """

    summary: str
    action: Action
    resource: str
    answers: dict[int, type[BaseModel] | str | None]
    query: type[BaseModel] | None
    body: type[BaseModel] | None
    headers: tuple[str, ...]
    lane: Lane
    permission: tuple[Verb, ObjectKind]


def operation(
    summary: str,
    *,
    action: Action,
    resource: str,
    answers: dict[int, type[BaseModel] | str | None],
    query: type[BaseModel] | None = None,
    body: type[BaseModel] | None = None,
    headers: tuple[str, ...] = (),
    lane: Lane = "quick",
    permission: tuple[Verb, ObjectKind] | None = None,
) -> Callable[[Callable[..., Any]], Callable[..., Awaitable[None]]]:
    """Make `verb(self, *path, [query], [body])` a request handler.

    The verb runs in a thread of its lane; a coroutine stays on the event loop. `action` and `resource` go to Jupyter's
    authorizer, `permission` goes to our policy; by default it is the same.

    The verb returns a model, or `(status, model)`, or `BytesReply`; a coroutine has written its answer itself.
    """
    permission = permission or (_VERBS[action], ObjectKind(resource.removeprefix("dataops:")))
    is_open = required_access(*permission) is Access.ANYBODY
    declared = Operation(summary, action, resource, answers, query, body, headers, lane, permission)

    def decorate(verb: Callable[..., Any]) -> Callable[..., Awaitable[None]]:
        @authenticated
        @wraps(verb)
        async def handle(self: DataOpsHandler, *path: str) -> None:
            try:
                await answer(self, *path)
            except Forbidden as error:
                # Write it before the answer: a person who reads that it was refused finds it in the audit trail.
                if permission[0] is not Verb.READ:
                    await self.in_thread(self.record_refusal, error, *permission, "/".join(path))
                raise

        async def answer(self: DataOpsHandler, *path: str) -> None:
            await self.require(action, resource)
            if not is_open:
                await self.in_thread(self.check_policy, *permission)
            arguments: list[Any] = list(path)
            if query is not None:
                arguments.append(_validated(query, self.query_arguments()))
            if body is not None:
                arguments.append(await self.in_thread(self.body_as, body))
            if asyncio.iscoroutinefunction(verb):
                await verb(self, *arguments)
            else:
                await self.reply(await self.in_thread(_answer, verb, self, *arguments, lane=lane))

        handle.operation = declared
        return handle

    return decorate


VERBS = ("get", "post", "put", "patch", "delete")


def operations(handler: type[APIHandler]) -> dict[str, Operation]:
    """Return the operations of a handler by verb."""
    verbs = {verb: getattr(getattr(handler, verb), "operation", None) for verb in VERBS}
    return {verb: operation for verb, operation in verbs.items() if operation}


class DataOpsHandler(APIHandler):
    def initialize(
        self,
        services: Callable[[], Services],
        lanes: Lanes,
        broadcaster: Broadcaster,
        max_body_bytes: int,
        identity: Identity | None = None,
    ) -> None:
        self._services = services
        self.lanes = lanes
        self.broadcaster = broadcaster
        self._max_body_bytes = max_body_bytes
        self._identity = identity
        self._is_disconnected = False

    @property
    def services(self) -> Services:
        """The services. They open on first use, which may take a while: read this in a thread."""
        return self._services()

    @property
    def actor(self) -> Actor:
        """The person who is logged in, by the setting `identity`. It may open the services: read it in a thread."""
        if (self._identity or identity_of(self.identity_provider)) == "owner":
            return self.services.owner
        user = self.current_user
        return Actor(str(user.username), str(user.display_name or user.name or user.username))

    def is_client_connected(self) -> bool:
        """Tell whether somebody still reads the answer. Any thread may call it."""
        return not self._is_disconnected

    def on_connection_close(self) -> None:
        super().on_connection_close()
        self._is_disconnected = True

    async def in_thread(self, call: Callable[..., Any], *args: Any, lane: Lane = "quick") -> Any:
        return await asyncio.get_running_loop().run_in_executor(self.lanes.pool(lane), partial(call, *args))

    def record_refusal(self, error: Forbidden, verb: Verb, kind: ObjectKind, object_id: str) -> None:
        audit.record_refusal(self.services, error, by=self.actor, verb=verb, kind=kind, object_id=object_id)

    def check_policy(self, verb: Verb, kind: ObjectKind) -> None:
        require_before_lookup(self.services, self.actor, verb, kind)

    async def require(self, action: Action, resource: str) -> None:
        allowed = self.authorizer.is_authorized(self, self.current_user, action, resource)
        if not (await allowed if asyncio.iscoroutine(allowed) else allowed):
            name = self.current_user.username
            raise Forbidden(f"{name} may not {action} {resource.removeprefix('dataops:')}.", action=action)

    def query_arguments(self) -> dict[str, str]:
        repeated = [name for name, values in self.request.query_arguments.items() if len(values) > 1]
        if repeated:
            raise InvalidRequest(f"Given more than once: {', '.join(sorted(repeated))}.")
        # These two belong to Jupyter: the token in an address, and a value that prevents caching in browsers.
        return {
            name: self.get_query_argument(name) for name in self.request.query_arguments if name not in ("token", "_")
        }

    def body_as(self, model: type[BaseModel]) -> BaseModel:
        if (size := len(self.request.body)) > self._max_body_bytes:
            raise RequestTooLarge(
                f"The request has {size} bytes, and may have {self._max_body_bytes}. Give large data as a file beside "
                "the notebook, or raise `c.DataOpsApp.max_body_bytes`.",
                limit=self._max_body_bytes,
            )
        return _validated(model, self._json(), is_json=True)

    def _json(self) -> Any:
        if not self.request.body:
            return {}
        try:
            given = json.loads(self.request.body, parse_constant=_refuse_constant)
            # Half of a surrogate pair, or 1e999, could neither be stored nor written.
            json.dumps(given, ensure_ascii=False, allow_nan=False).encode()
            return given
        except (ValueError, RecursionError) as error:
            raise InvalidRequest(f"The body is not JSON: {error}.") from None

    async def reply(self, answer: Answer) -> None:
        self.set_status(answer.status)
        for name, value in answer.headers.items():
            self.set_header(name, value)
        if isinstance(answer.content, bytes):
            # A reply that must have no body may not even have an empty one.
            await self.finish(answer.content or None, set_content_type=answer.media_type)
            return
        self.set_header("Content-Type", answer.media_type)
        left = sys.maxsize if answer.length is None else answer.length
        with answer.content as stream:
            while chunk := await self.in_thread(stream.read, min(left, 256 * 1024), lane="files"):
                left -= len(chunk)
                self.write(chunk)
                await self.flush()
        await self.finish(set_content_type=answer.media_type)

    def set_default_headers(self) -> None:
        super().set_default_headers()
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("Cache-Control", "no-store")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        error = kwargs.get("exc_info", (None, None, None))[1]
        problem = problem_of(error, status_code)
        self.set_status(problem.status)
        if problem.status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.set_header("Allow", ", ".join(verb.upper() for verb in operations(type(self))))
        self.finish(problem.model_dump_json(), set_content_type=PROBLEM_JSON)

    def log_exception(self, typ: Any, value: Any, tb: Any) -> None:
        if isinstance(value, DataOpsError) and status_of(value) < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.log.info("%s %s: %s (%s)", self.request.method, self.request.path, value.message, value.precise_code)
        else:
            super().log_exception(typ, value, tb)


def identity_of(provider: IdentityProvider) -> Identity:
    """Tell whether the provider knows persons; it is `owner` when all log in with the same token or password.

    That is so with jupyter_server alone: it invents a name for each of them, and lets them change it. A provider that
    knows persons overrides one of the methods that tell who somebody is.
    """
    methods = [getattr(provider, name) for name in _IDENTITY_METHODS]
    if isinstance(provider, LegacyIdentityProvider):
        methods.append(provider.login_handler_class.get_user)
    is_default = all(way.__module__.startswith("jupyter_server.") for way in methods)
    return "owner" if is_default else "provider"


@dataclass(frozen=True)
class Answer:
    status: int
    content: bytes | BinaryIO
    media_type: str
    headers: dict[str, str]
    length: int | None = None
    """The number of bytes to send from the current position of a stream; None: to its end."""


def status_of(error: DataOpsError) -> HTTPStatus:
    return next(STATUS_OF[kind] for kind in type(error).__mro__ if kind in STATUS_OF)


def problem_of(error: BaseException | None, status: int) -> Problem:
    if isinstance(error, DataOpsError):
        found = status_of(error)
        return Problem(
            title=found.phrase, status=found, code=error.precise_code, detail=error.message, extra=error.detail
        )
    phrase = HTTPStatus(status).phrase
    # The message of an unexpected error may quote anything: only the server's log gets it.
    message = error.log_message if isinstance(error, HTTPError) and status < HTTPStatus.INTERNAL_SERVER_ERROR else None
    return Problem(title=phrase, status=status, code=phrase.lower().replace(" ", "_"), detail=message or phrase)


def _answer(verb: Callable[..., Any], handler: DataOpsHandler, *arguments: Any) -> Answer:
    """Call the verb and serialise its answer, both away from the event loop."""
    declared: Operation = getattr(handler, handler.request.method.lower()).operation
    result = verb(handler, *arguments)
    status, result = result if isinstance(result, tuple) else (min(declared.answers), result)
    if result is None:
        return Answer(HTTPStatus.NO_CONTENT, b"", "application/json", {})
    if isinstance(result, BaseModel):
        content = result.to_json() if isinstance(result, PageModel) else result.model_dump_json().encode()
        return Answer(status, content, "application/json", {})
    assert isinstance(result, BytesReply)
    disposition = "inline" if result.inline else "attachment"
    headers = {
        "Content-Disposition": f"{disposition}; filename*=UTF-8''{quote(result.filename, safe='')}",
        # A page with this content runs no scripts and sends nothing, whatever the content tries.
        "Content-Security-Policy": _INERT,
    }
    answer = Answer(status, result.content, result.media_type, headers)
    return _apply_range(answer, handler.request.headers) if HTTPStatus.PARTIAL_CONTENT in declared.answers else answer


RANGE_HEADER = "Range"
_RANGE = re.compile(r"bytes=(\d{1,18})?-(\d{1,18})?", re.ASCII)


def _apply_range(answer: Answer, request_headers: Mapping[str, str]) -> Answer:
    """Cut `answer` down to the part that `Range` asks for (RFC 9110, 14). A `Range` without sense is ignored."""
    stream = answer.content
    assert not isinstance(stream, bytes)
    headers = {**answer.headers, "Accept-Ranges": "bytes"}
    wanted = _RANGE.fullmatch(request_headers.get(RANGE_HEADER, ""))
    # `If-Range` names a version of the whole content, and ours have no such names.
    if wanted is None or not any(wanted.groups()) or "If-Range" in request_headers:
        return replace(answer, headers=headers)
    first, last = (None if number is None else int(number) for number in wanted.groups())
    if first is not None and last is not None and last < first:
        return replace(answer, headers=headers)
    size = stream.seek(0, io.SEEK_END)
    if first is None:
        first, last = max(0, size - (last or 0)), None
    if first >= size:
        stream.close()
        status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
        message = f"There are {size} bytes so far."
        problem = Problem(title=status.phrase, status=status, code="range_not_satisfiable", detail=message)
        return Answer(status, problem.model_dump_json().encode(), PROBLEM_JSON, {"Content-Range": f"bytes */{size}"})
    last = size - 1 if last is None else min(last, size - 1)
    stream.seek(first)
    headers |= {"Content-Range": f"bytes {first}-{last}/{size}", "Content-Length": str(last - first + 1)}
    return Answer(HTTPStatus.PARTIAL_CONTENT, stream, answer.media_type, headers, length=last - first + 1)


_INERT = "sandbox; default-src 'none'; img-src data:; style-src 'unsafe-inline'; font-src data:; frame-ancestors 'self'"


def _validated(model: type[BaseModel], given: Any, *, is_json: bool = False) -> BaseModel:
    try:
        # JSON has types: 0 is not false there, and "1" is not a number. A query has only text.
        return model.model_validate_json(json.dumps(given), strict=True) if is_json else model.model_validate(given)
    except ValidationError as error:
        problems = [
            {"name": ".".join(str(part) for part in problem["loc"]), "message": problem["msg"]}
            for problem in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        message = "; ".join(f"{p['name'] or 'body'}: {p['message']}" for p in problems)
        raise InvalidRequest(f"{NOT_AS_DOCUMENTED} {message}.", problems=problems) from None


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")
