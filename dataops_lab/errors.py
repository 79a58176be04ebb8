"""All expected failures, as one tree.

    DataOpsError
    ├── NotFound               the object that the caller named does not exist
    │   └── UnknownImage
    ├── Conflict               it exists, but not in the state that the call assumes
    │   ├── IllegalTransition
    │   ├── StaleWrite
    │   └── KeyReused
    ├── Refused                bad input; nothing was done
    │   ├── InvalidNotebook
    │   ├── InvalidScript
    │   ├── InvalidPipeline
    │   ├── KernelUnavailable
    │   ├── InvalidParameters
    │   ├── InvalidOutputs
    │   ├── InvalidRequest
    │   │   └── InvalidSchedule
    │   ├── ExpressionFailed
    │   ├── RequestTooLarge
    │   ├── UnsupportedMedia
    │   ├── PathOutsideRoot
    │   ├── SnapshotTooLarge
    │   └── UnknownEnvironment
    ├── Forbidden              this person may not do this
    ├── NotAuthentic           nobody can tell who sent this
    ├── TooManyRequests        more than this may come in a short time
    ├── Unavailable            the installation cannot serve now; try again or fix it
    │   ├── StateFolderUnusable
    │   ├── StoreTooNew
    │   ├── StoreBusy
    │   ├── BlobsUnavailable
    │   ├── EngineUnavailable
    │   ├── SecretsLocked
    │   ├── ReportUnavailable
    │   ├── ServerUnreachable
    │   └── DeliveryFailed
    └── Damaged                stored bytes have changed since they were stored

`code` is stable and for programs; the message is one or two sentences for people and ends with the
next step; `detail` carries the values that a program needs to act. The outer layers choose HTTP statuses
and exit codes, by nearest ancestor.
"""

from __future__ import annotations

from typing import Any, ClassVar


class DataOpsError(Exception):
    """An expected failure. `detail` must be JSON-serialisable."""

    code: ClassVar[str] = "error"

    def __init__(self, message: str, /, *, code: str | None = None, **detail: Any) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        # A class names a kind of failure; an instance may be more precise about which one.
        self.precise_code = code or type(self).code

    def __reduce__(self) -> tuple[Any, ...]:
        """Keep the whole error when it goes to another process; by default an exception loses what is not in `args`."""
        return _rebuild, (type(self), self.message, self.precise_code, self.detail)


def _rebuild(kind: type[DataOpsError], message: str, code: str, detail: dict[str, Any]) -> DataOpsError:
    return kind(message, code=code, **detail)


class NotFound(DataOpsError):
    code = "not_found"


class UnknownImage(NotFound):
    code = "unknown_image"


class Conflict(DataOpsError):
    code = "conflict"


class IllegalTransition(Conflict):
    """A move that the table of states does not have."""

    code = "illegal_transition"


class StaleWrite(Conflict):
    """Another program moved the row first, or this engine no longer leads."""

    code = "stale_write"


class KeyReused(Conflict):
    """An idempotency key that came a second time, with another request."""

    code = "key_reused"


class Refused(DataOpsError):
    code = "refused"


class InvalidNotebook(Refused):
    """Codes: `notebook_not_found`, `not_a_notebook`, `broken_json`, `nbformat_too_old`, `nbformat_too_new`."""

    code = "not_a_notebook"


class InvalidScript(Refused):
    """Codes: `script_not_found`, `not_a_script`, and `broken_header` with the `line` in `detail`."""

    code = "not_a_script"


class InvalidPipeline(Refused):
    """Codes: `pipeline_not_found`, and `invalid_pipeline` with `problems` in `detail`: message, line, column, step."""

    code = "invalid_pipeline"


class KernelUnavailable(Refused):
    """Codes: `no_kernelspec`, `kernel_not_installed`, `kernelspec_broken`; `detail["installed"]` lists what works.

    For scripts also `interpreter_not_installed` and `no_kernel_for_script`.
    """

    code = "kernel_not_installed"


class InvalidParameters(Refused):
    """`detail["problems"]` is a list of `{"name", "message"}`; `detail["parameters"]` names the known parameters."""

    code = "invalid_parameters"


class InvalidRows(Refused):
    """`detail["rows"]` is a list of `{"row", "message", "problems"}`, counted from 1.

    `problems` is as in InvalidParameters.
    """

    code = "invalid_rows"


class InvalidOutputs(Refused):
    """Declared outputs that cannot be published as they are, or would have one path."""

    code = "invalid_outputs"


class InvalidRequest(Refused):
    code = "invalid_request"


class InvalidSchedule(InvalidRequest):
    """Codes: `invalid_cron` with `field` and `column`, or a `suggestion`, in `detail`; `never_fires`, `unknown_zone`.

    Also `invalid_calendar`, `schedule_cycle`, `too_many_ticks`.
    """

    code = "invalid_schedule"


class ExpressionFailed(Refused):
    """`detail["problem"]` is the reason alone."""

    code = "expression_failed"


class RequestTooLarge(Refused):
    """`detail["limit"]` is in bytes."""

    code = "request_too_large"


class UnsupportedMedia(Refused):
    """A body in another format than the one that is read here."""

    code = "unsupported_media"


class PathOutsideRoot(Refused):
    code = "path_outside_root"


class SnapshotTooLarge(Refused):
    code = "snapshot_too_large"


class UnknownEnvironment(Refused):
    code = "unknown_environment"


class Forbidden(DataOpsError):
    code = "forbidden"


class NotAuthentic(DataOpsError):
    """A delivery without a signature of the sender. The message tells nothing about what there is here."""

    code = "not_authentic"


class TooManyRequests(DataOpsError):
    """`detail["retry_after_s"]` is in whole seconds."""

    code = "too_many_requests"


class Unavailable(DataOpsError):
    code = "unavailable"


class StateFolderUnusable(Unavailable):
    code = "state_folder_unusable"


class StoreTooNew(Unavailable):
    """A database that a newer program has written."""

    code = "store_too_new"


class StoreBusy(Unavailable):
    code = "store_busy"


class BlobsUnavailable(Unavailable):
    code = "blobs_unavailable"


class EngineUnavailable(Unavailable):
    code = "engine_unavailable"


class SecretsLocked(Unavailable):
    """The key that opens the secrets is not there."""

    code = "secrets_locked"


class ReportUnavailable(Unavailable):
    """The report page was not made; the executed notebook is there."""

    code = "report_too_slow"


class ServerUnreachable(Unavailable):
    code = "server_unreachable"


class DeliveryFailed(Unavailable):
    """A message was not delivered. The text says why and what to do, in plain words and without secrets.

    `again`: it may be tried again. `after_s`: not before so many seconds, when the receiver has asked for that.
    """

    code = "delivery_failed"

    def __init__(self, message: str, /, *, again: bool, after_s: float | None = None, code: str | None = None) -> None:
        super().__init__(message, code=code, again=again, after_s=after_s)
        self.again = again
        self.after_s = after_s


class Damaged(DataOpsError):
    """`detail["digest"]` names the bytes that changed."""

    code = "damaged"
