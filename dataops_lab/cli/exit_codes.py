"""The exit codes of commands."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import Conflict, DataOpsError, Forbidden, NotFound, Refused, Unavailable

if TYPE_CHECKING:
    from ..domain.runs import RunState

SUCCEEDED = 0
FAILED = 1
REFUSED = 2
ENDED_OTHERWISE = 3
"""Cancelled, timed out, lost, or never started."""
UNREACHABLE = 4
INTERRUPTED = 130
"""The code that shells use for SIGINT: the person left, and the run goes on."""

_CODES_OF_ERRORS: dict[type[DataOpsError], int] = {
    Refused: REFUSED,
    NotFound: REFUSED,
    Conflict: REFUSED,
    Forbidden: REFUSED,
    Unavailable: UNREACHABLE,
    DataOpsError: FAILED,
}


def code_of_error(error: DataOpsError) -> int:
    return next(_CODES_OF_ERRORS[kind] for kind in type(error).__mro__ if kind in _CODES_OF_ERRORS)


def code_of_state(state: RunState) -> int:
    """Return the exit code for a run that has ended."""
    return {"succeeded": SUCCEEDED, "failed": FAILED}.get(state, ENDED_OTHERWISE)
