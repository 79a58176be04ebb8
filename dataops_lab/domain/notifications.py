"""Messages: what people are told about, to whom they go, and what became of each delivery.

A message is written in the transaction of the thing that it tells. Later it becomes one delivery for each recipient.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ..errors import InvalidRequest
from .events import Subject

FIRST_RETRY_S = 5.0
LONGEST_RETRY_S = 3600.0
MAX_TRIES = 12
"""The most tries of a delivery; they take some two and a half hours. Then it has failed."""

MAX_SUBJECT_LENGTH = 250
MAX_TEXT_BYTES = 1024**2
MAX_FILES = 30
MAX_FILE_BYTES = 10 * 1024**2
"""Bytes that all images and attachments of a message may have together. Many mail servers take no more."""


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
    TEST = "test"
    """An administrator tries out a target. It is sent at once, and is in no outbox."""


@dataclass(frozen=True)
class Message:
    """A row of the outbox. `payload` has what is needed to write about it, and no secrets.

    `delivered_at` is the instant at which its deliveries were planned, with the one to JupyterLab done.
    """

    id: str
    kind: MessageKind
    subject: Subject
    payload: Mapping[str, Any]
    created_at: dt.datetime
    not_before: dt.datetime
    attempts: int = 0
    delivered_at: dt.datetime | None = None
    error: str | None = field(default=None)
    group: str | None = None
    """The name of all that it tells together, such as the ends of all presets of a tick. See `services/messages.py`."""


class ChannelKind(StrEnum):
    """The ways by which a message reaches people."""

    LAB = "lab"
    MAIL = "mail"
    SLACK = "slack"
    TEAMS = "teams"
    WEBHOOK = "webhook"
    """JSON to an address, signed by Standard Webhooks."""


@dataclass(frozen=True)
class Recipient:
    """Somebody, or a place, that gets a message by one channel.

    `to` is the name of a target, or an address of mail, which has an `@`; for JupyterLab it is a person's id, or empty
    for everybody. `person` is the id of the person, None when nobody with an account is meant.
    `not_before` holds the delivery back until then.
    """

    channel: ChannelKind
    to: str
    person: str | None = None
    not_before: dt.datetime | None = field(default=None, compare=False)

    @property
    def is_target(self) -> bool:
        """Tell whether `to` is the name of a target that administrators have set."""
        if self.channel is ChannelKind.MAIL:
            return "@" not in self.to
        return self.channel is not ChannelKind.LAB

    @property
    def lane(self) -> str:
        """Return the name of what a delivery has to wait for: a mail server or a target that hangs holds up its own."""
        return "mail" if self.channel is ChannelKind.MAIL else f"{self.channel}:{self.to}"


def in_lab(person: str | None) -> Recipient:
    return Recipient(ChannelKind.LAB, person or "", person)


@dataclass(frozen=True)
class File:
    """An image or an attachment. `name` is for people, and holds no path."""

    name: str
    media_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Content:
    """The words of a message, for all channels.

    `html` refers to an image as `cid:NAME`. `link` leads to the thing; `command` shows it in a terminal. `event` is for
    programs: `type`, `timestamp` and `data` as Standard Webhooks has them.
    """

    subject: str
    text: str
    html: str | None = None
    link: str | None = None
    command: str | None = None
    images: tuple[File, ...] = ()
    attachments: tuple[File, ...] = ()
    event: Mapping[str, Any] = field(default_factory=dict)

    def check(self) -> None:
        """Raise InvalidRequest, with all problems, when no channel could send it."""
        if problems := list(_problems_of(self)):
            raise InvalidRequest(" ".join(problems), code="invalid_message")


def _problems_of(content: Content) -> Iterator[str]:
    if not content.subject.strip():
        yield "A message has a subject."
    if len(content.subject) > MAX_SUBJECT_LENGTH:
        yield f"A subject has at most {MAX_SUBJECT_LENGTH} characters."
    if any(len((text or "").encode(errors="replace")) > MAX_TEXT_BYTES for text in (content.text, content.html)):
        yield f"The text of a message has at most {MAX_TEXT_BYTES // 1024} KiB."
    files = (*content.images, *content.attachments)
    if len(files) > MAX_FILES:
        yield f"A message has at most {MAX_FILES} files."
    if sum(len(file.data) for file in files) > MAX_FILE_BYTES:
        yield f"The files of a message have at most {MAX_FILE_BYTES // 1024**2} MiB together."
    names = [image.name for image in content.images]
    if len(set(names)) < len(names):
        yield "Two images have one name."


@dataclass(frozen=True)
class Destination:
    """The place to which a sender sends: the address that belongs to a recipient, with what opens it.

    `name` is for people: it holds no secret. `address` of Slack, Teams and webhooks is a URL, which is a secret.
    `key` signs webhooks.
    """

    channel: ChannelKind
    name: str
    address: str = field(repr=False)
    key: str | None = field(default=None, repr=False)


class DeliveryState(StrEnum):
    WAITING = "waiting"
    """It is tried when its time comes, for the first time or again."""
    SENT = "sent"
    """The receiver has taken it. Whether anybody reads it is unknown."""
    FAILED = "failed"
    """It is not tried any more."""


@dataclass(frozen=True)
class Delivery:
    """One message on its way to one recipient. `id` stays the same for all tries, and the receiver gets it."""

    id: str
    message_id: str
    kind: MessageKind
    subject: Subject
    recipient: Recipient
    created_at: dt.datetime
    not_before: dt.datetime
    state: DeliveryState = DeliveryState.WAITING
    attempts: int = 0
    ended_at: dt.datetime | None = None
    error: str | None = None


def retry_delay_s(attempts: int) -> float:
    """Return the seconds until the next try, after this number of tries."""
    return min(FIRST_RETRY_S * 2.0 ** max(0, attempts - 1), LONGEST_RETRY_S)
