"""Messages: what people are told about. Each is written in the transaction of the thing that it tells."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from .events import Subject

FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 3600.0


class MessageKind(StrEnum):
    FAILURE = "failure"
    """The run of a tick has failed for good."""
    RECOVERY = "recovery"
    """The first success after a failure."""
    LATE = "late"
    """The due time has come, and no run of the tick has succeeded."""
    MISSED = "missed"
    """The time of a tick passed while no engine was there."""
    REFUSED = "refused"
    """The run of a tick could not be submitted."""
    PAUSED = "paused"
    """A schedule was paused after so many failures."""
    SUCCESS = "success"
    DURATION_WARNING = "duration_warning"
    """A run takes longer than expected."""
    APPROVAL_WANTED = "approval_wanted"
    APPROVAL_GIVEN = "approval_given"
    """Somebody has approved or rejected."""
    DIGEST = "digest"
    """Several messages in one."""


@dataclass(frozen=True)
class Message:
    """A row of the outbox. `payload` has what a channel needs to write about it, and no secrets."""

    id: str
    kind: MessageKind
    subject: Subject
    payload: Mapping[str, Any]
    created_at: dt.datetime
    not_before: dt.datetime
    attempts: int = 0
    delivered_at: dt.datetime | None = None
    error: str | None = field(default=None)


def retry_delay_s(attempts: int) -> float:
    """Return the seconds until the next try, after this number of tries."""
    return min(FIRST_RETRY_S * 2.0 ** max(0, attempts - 1), LONGEST_RETRY_S)
