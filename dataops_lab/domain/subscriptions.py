"""Subscriptions: who is told what. `listeners` decides for one message, from facts alone."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from ..errors import InvalidRequest
from .mail import MAX_ADDRESS_LENGTH, check_address
from .notifications import MessageKind

MAX_RECIPIENTS = 50


class Interest(StrEnum):
    """The things that a person can choose to hear of."""

    ON_SUCCESS = "on_success"
    ON_FAILURE = "on_failure"
    """Also a start that was refused, and the pause that follows from failures."""
    ON_RECOVERY = "on_recovery"
    ON_LATE = "on_late"
    ON_MISSED = "on_missed"
    ON_DURATION_WARNING = "on_duration_warning"
    ON_APPROVAL = "on_approval"
    """An approval is wanted, and what became of it."""


INTERESTS = {
    MessageKind.SUCCESS: Interest.ON_SUCCESS,
    MessageKind.FAILURE: Interest.ON_FAILURE,
    MessageKind.REFUSED: Interest.ON_FAILURE,
    MessageKind.PAUSED: Interest.ON_FAILURE,
    MessageKind.RECOVERY: Interest.ON_RECOVERY,
    MessageKind.LATE: Interest.ON_LATE,
    MessageKind.MISSED: Interest.ON_MISSED,
    MessageKind.DURATION_WARNING: Interest.ON_DURATION_WARNING,
    MessageKind.APPROVAL_WANTED: Interest.ON_APPROVAL,
    MessageKind.APPROVAL_GIVEN: Interest.ON_APPROVAL,
}

DEFAULT_INTERESTS = frozenset(
    {Interest.ON_FAILURE, Interest.ON_RECOVERY, Interest.ON_LATE, Interest.ON_MISSED, Interest.ON_APPROVAL}
)
"""Owners hear of these without a subscription. Nobody hears of a success by default."""
RECIPIENT_INTERESTS = frozenset({Interest.ON_FAILURE, Interest.ON_RECOVERY, Interest.ON_LATE})
"""Recipients of a schedule hear of these unless it says otherwise; so do the targets of guarded environments."""


class ObjectKind(StrEnum):
    """The things to which people subscribe, the most specific first. A pipeline is a job."""

    SCHEDULE = "schedule"
    JOB = "job"
    ENVIRONMENT = "environment"


class ObjectRef(NamedTuple):
    """`id` is the id of a schedule or job, or the name of an environment."""

    kind: ObjectKind
    id: str


class Occasion(StrEnum):
    """Facts about a message that a person can choose not to hear of."""

    PLAIN = "plain"
    SKIPPED = "skipped"
    """A tick of a schedule that was skipped."""
    CANCELLED = "cancelled"
    """A run that a person or its schedule cancelled."""
    RETRIED = "retried"
    """A failure after which the run is tried again."""


LAB = "lab"
MAIL = "mail"
TARGET = "target:"


@dataclass(frozen=True)
class Choice:
    """The wish of a person: what they hear, and how. With an empty `on` it is nothing.

    `channels` are `lab`, `mail`, and `target:NAME` for targets that administrators set.
    """

    on: frozenset[Interest] = DEFAULT_INTERESTS
    channels: tuple[str, ...] = (LAB, MAIL)
    mute_skipped: bool = True
    mute_cancelled: bool = True
    until_last_retry: bool = True
    """Hear of a failure only when no other attempt follows."""

    def wants(self, kind: MessageKind, occasion: Occasion = Occasion.PLAIN) -> bool:
        muted = {
            Occasion.SKIPPED: self.mute_skipped,
            Occasion.CANCELLED: self.mute_cancelled,
            Occasion.RETRIED: self.until_last_retry,
        }
        # A recovery is a success too.
        also = Interest.ON_SUCCESS if kind is MessageKind.RECOVERY else None
        return bool(self.on & {INTERESTS.get(kind), also}) and not muted.get(occasion, False)

    def checked(self) -> Choice:
        """Return it. InvalidRequest when it names a channel that cannot be."""
        if self.on and not self.channels:
            raise InvalidRequest("Choose at least one channel: `lab`, `mail` or `target:NAME`.")
        for channel in self.channels:
            if channel not in (LAB, MAIL) and not (channel.startswith(TARGET) and channel != TARGET):
                raise InvalidRequest(f"{channel!r} is not a channel. There are `lab`, `mail` and `target:NAME`.")
        return self

    def to_json(self) -> dict[str, Any]:
        return {
            "on": sorted(str(each) for each in self.on),
            "channels": [str(each) for each in self.channels],
            "mute_skipped": self.mute_skipped,
            "mute_cancelled": self.mute_cancelled,
            "until_last_retry": self.until_last_retry,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Choice:
        return cls(
            frozenset(map(Interest, value["on"])),
            tuple(value["channels"]),
            value["mute_skipped"],
            value["mute_cancelled"],
            value["until_last_retry"],
        )


NOTHING = Choice(on=frozenset())


@dataclass(frozen=True)
class Subscription:
    """The choice of one person for one object. It takes the place of the default, and of less specific ones."""

    person: str
    """The id of the actor."""
    object: ObjectRef
    choice: Choice
    revision: int = field(default=1, compare=False)


@dataclass(frozen=True)
class NamedRecipient:
    """A recipient that the owner of a schedule chose: a person's id, a mail address, or `target:NAME`."""

    to: str
    on: frozenset[Interest] = RECIPIENT_INTERESTS

    @property
    def is_address(self) -> bool:
        return "@" in self.to and not self.to.startswith(TARGET)

    def to_json(self) -> dict[str, Any]:
        return {"to": self.to, "on": sorted(str(each) for each in self.on)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> NamedRecipient:
        return cls(value["to"], frozenset(map(Interest, value["on"])))


class Listener(NamedTuple):
    """Somebody who is told, by one channel. `person` is an id; `name` that of a target, or an address."""

    channel: str
    """`lab`, `mail` or `target`."""
    name: str
    person: str | None = None


@dataclass(frozen=True)
class Happening:
    """The facts of a message that decide about its listeners."""

    kind: MessageKind
    environment: str
    job_id: str | None = None
    schedule_id: str | None = None
    owner: str | None = None
    """The owner of the schedule, or the person who submitted the run."""
    asked: tuple[str, ...] = ()
    """The people who may decide on an approval."""
    guarded: bool = False
    by_hand: bool = False
    occasion: Occasion = Occasion.PLAIN
    recipients: tuple[NamedRecipient, ...] = ()

    @property
    def objects(self) -> tuple[ObjectRef, ...]:
        """The objects to which one can have subscribed for it, the most specific first."""
        found = (
            (ObjectKind.SCHEDULE, self.schedule_id),
            (ObjectKind.JOB, self.job_id),
            (ObjectKind.ENVIRONMENT, self.environment),
        )
        return tuple(ObjectRef(kind, ref) for kind, ref in found if ref)

    @property
    def is_private(self) -> bool:
        """Tell whether only its owner is told: a run by hand where nothing is in production."""
        return self.by_hand and not self.guarded and self.kind is not MessageKind.APPROVAL_WANTED

    @property
    def is_urgent(self) -> bool:
        """Tell whether neither quiet hours nor a digest may hold it: production has failed."""
        return self.guarded and self.occasion is Occasion.PLAIN and self.kind in _URGENT


_URGENT = frozenset(
    {MessageKind.FAILURE, MessageKind.LATE, MessageKind.MISSED, MessageKind.REFUSED, MessageKind.PAUSED}
)


def listeners(
    happening: Happening, subscriptions: Iterable[Subscription], *, default_targets: Sequence[str] = ()
) -> tuple[Listener, ...]:
    """Return who is told, each once for each channel, in a stable order.

    `subscriptions` are those to its objects; the most specific one of a person counts. `default_targets` are the
    targets of a guarded environment. A `mail` listener with an empty name has no address yet: look up the person's.
    """
    chosen = most_specific(happening, subscriptions)
    found: dict[Listener, None] = {}
    for person in sorted({*chosen, *_by_default(happening)}):
        choice = chosen.get(person) or _default_choice(happening)
        if choice.wants(happening.kind, happening.occasion):
            found.update(dict.fromkeys(_by_channels(person, choice.channels)))
    if happening.is_private:
        return tuple(found)
    for recipient in happening.recipients:
        if _hears(recipient.on, happening):
            found.update(dict.fromkeys(_listeners_of(recipient)))
    if happening.guarded and _hears(RECIPIENT_INTERESTS, happening):
        found.update(dict.fromkeys(Listener("target", name) for name in default_targets))
    return tuple(found)


def most_specific(happening: Happening, subscriptions: Iterable[Subscription]) -> dict[str, Choice]:
    """Return by person the choice that counts for it."""
    rank = {ref: number for number, ref in enumerate(happening.objects)}
    known = sorted((each for each in subscriptions if each.object in rank), key=lambda each: -rank[each.object])
    chosen = {each.person: each.choice for each in known}
    if happening.is_private:
        return {person: choice for person, choice in chosen.items() if person == happening.owner}
    return chosen


def _by_default(happening: Happening) -> Collection[str]:
    """Return the people who hear of it without having subscribed."""
    if happening.kind is MessageKind.APPROVAL_WANTED:
        return happening.asked
    return (happening.owner,) if happening.owner else ()


def _default_choice(happening: Happening) -> Choice:
    # JupyterLab shows the end of a run to the person who started it, so they need no message.
    return NOTHING if happening.is_private and happening.kind is not MessageKind.APPROVAL_GIVEN else Choice()


def _hears(on: frozenset[Interest], happening: Happening) -> bool:
    return Choice(on).wants(happening.kind, happening.occasion)


def _by_channels(person: str, channels: Sequence[str]) -> Iterable[Listener]:
    for channel in channels:
        if channel.startswith(TARGET):
            yield Listener("target", channel.removeprefix(TARGET), person)
        else:
            yield Listener(channel, "", person)


def _listeners_of(recipient: NamedRecipient) -> tuple[Listener, ...]:
    if recipient.to.startswith(TARGET):
        return (Listener("target", recipient.to.removeprefix(TARGET)),)
    if recipient.is_address:
        return (Listener("mail", recipient.to),)
    return (Listener(LAB, "", recipient.to), Listener(MAIL, "", recipient.to))


# --- recipients -----------------------------------------------------------------------------------


def check_recipients(recipients: Sequence[NamedRecipient]) -> tuple[NamedRecipient, ...]:
    """Return them normalized. InvalidRequest when there are too many, or one names nobody."""
    if len(recipients) > MAX_RECIPIENTS:
        raise InvalidRequest(f"A schedule has at most {MAX_RECIPIENTS} recipients. Use a mailing list or a target.")
    checked = []
    for recipient in recipients:
        to = recipient.to.strip()
        if recipient.is_address:
            check_address(to)
        if not to or to == TARGET or len(to) > MAX_ADDRESS_LENGTH or not to.isprintable():
            raise InvalidRequest("A recipient is the id of a person, a mail address, or `target:NAME`.")
        if not recipient.on:
            raise InvalidRequest(f"Say of what {to} is told, such as `on_failure`, or leave the recipient out.")
        checked.append(NamedRecipient(to, recipient.on))
    if len({each.to for each in checked}) < len(checked):
        raise InvalidRequest("Two recipients are the same. Name each once.")
    return tuple(checked)
