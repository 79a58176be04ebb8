"""The words of a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..domain.notifications import MAX_SUBJECT_LENGTH, Content, Message, MessageKind
from .context import Services

_WORDS: Mapping[MessageKind, str] = {
    MessageKind.FAILURE: "failed",
    MessageKind.RECOVERY: "succeeded again",
    MessageKind.LATE: "is late",
    MessageKind.MISSED: "missed a start",
    MessageKind.REFUSED: "could not start",
    MessageKind.PAUSED: "is paused",
    MessageKind.SUCCESS: "succeeded",
    MessageKind.DURATION_WARNING: "takes longer than expected",
    MessageKind.APPROVAL_WANTED: "waits for an approval",
    MessageKind.APPROVAL_GIVEN: "was decided",
    MessageKind.DIGEST: "has news",
    MessageKind.TEST: "was tried out",
}


def content_of(ctx: Services, message: Message) -> Content:  # noqa: ARG001
    """Return what a message says. It may read records, so call it outside of any transaction."""
    payload = message.payload
    name = " ".join(str(_name(payload, "schedule") or _name(payload, "job") or message.subject.id).split())
    what = f"{name} {'will be late' if payload.get('foreseen') else _WORDS[message.kind]}"
    reason = payload.get("reason") or {}
    lines = [f"{what}.", str(reason.get("message") or "")]
    run = payload.get("run")
    command = f"jupyter dataops runs show {run}" if run else None
    if command:
        lines.append(f"{command} shows it.")
    event = {"type": str(message.kind), "timestamp": message.created_at.isoformat(), "data": dict(payload)}
    return Content(what[:MAX_SUBJECT_LENGTH], "\n\n".join(filter(None, lines)), command=command, event=event)


def _name(payload: Mapping[str, Any], key: str) -> str | None:
    return (payload.get(key) or {}).get("name")
