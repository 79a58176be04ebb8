"""Exceptions from answers of a server that report a failure."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from ..api_models import Problem
from ..errors import Conflict, DataOpsError, Forbidden, NotFound, Refused, ServerUnreachable, Unavailable


def error_of(status: int, body: bytes) -> DataOpsError:
    """Make the exception that an answer reports.

    The code names its class. A code that belongs to no class leaves the class to the status.
    """
    try:
        problem = Problem.model_validate_json(body)
    except ValidationError:
        return _error_from_other_server(status)
    if status in (401, 403) and problem.detail == problem.title:
        # Nobody is logged in: the server answered before it asked any of our rules.
        return _error_from_other_server(status)
    error_class = _ERROR_CLASSES.get(problem.code) or _error_class_of(status)
    return error_class(
        problem.detail, code=problem.code, **{name: value for name, value in problem.extra.items() if name != "code"}
    )


def _error_class_of(status: int) -> type[DataOpsError]:
    match status:
        case 404:
            return NotFound
        case 409:
            return Conflict
        case 401 | 403:
            return Forbidden
        case 400 | 422:
            return Refused
        case 502 | 503 | 504:
            return Unavailable
    return DataOpsError


def _error_from_other_server(status: int) -> DataOpsError:
    """Make the exception for an answer that is not ours, but from Jupyter, a proxy or some other server."""
    if status in (301, 302, 303, 307, 308, 401, 403):
        return Forbidden("The server does not accept the token. Give its token in DATAOPS_LAB_TOKEN.")
    if status == 404:
        return ServerUnreachable(
            "There is no dataops_lab at this address. Is it the server's base URL, and is the extension enabled there? "
            "`jupyter server extension enable dataops_lab`"
        )
    return ServerUnreachable(f"The server answers with status {status}. Look at its log, and try again.", status=status)


def _all_error_classes(kind: type[DataOpsError]) -> Iterator[type[DataOpsError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _all_error_classes(child)


_ERROR_CLASSES = {kind.code: kind for kind in _all_error_classes(DataOpsError)}
