from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import Field

from ..domain.delivery_times import DeliveryTimes, HoldReason, QuietHours
from ..domain.subscriptions import (
    DEFAULT_INTERESTS,
    LAB,
    MAIL,
    MAX_RECIPIENTS,
    RECIPIENT_INTERESTS,
    Choice,
    Interest,
    NamedRecipient,
    ObjectKind,
)
from ..services.subscriptions import PersonView, SubscriptionView
from .base import Instant, Model

TimeOfDay = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?$")]
"""A time of day in the zone of the person, such as 07:30."""


class ChoiceModel(Model):
    """The wish of a person for an object: what they hear, and how; nothing where `on` is empty.

    `channels` are `lab`, `mail` and `target:NAME`. `until_last_retry`: a failure only when no other attempt follows.
    """

    on: list[Interest] = Field(default_factory=lambda: sorted(DEFAULT_INTERESTS))
    channels: list[str] = Field(default_factory=lambda: [LAB, MAIL], max_length=20)
    mute_skipped: bool = True
    mute_cancelled: bool = True
    until_last_retry: bool = True

    def to_domain(self) -> Choice:
        return Choice(
            frozenset(self.on), tuple(self.channels), self.mute_skipped, self.mute_cancelled, self.until_last_retry
        )

    @classmethod
    def from_domain(cls, choice: Choice) -> ChoiceModel:
        return cls.model_validate({**choice.to_json()})


class SubscriptionModel(Model):
    """A subscription of the person who asks. `choice` null: they have none, and the default counts."""

    object_kind: ObjectKind
    object_id: str
    object_name: str
    choice: ChoiceModel | None

    @classmethod
    def from_domain(cls, view: SubscriptionView) -> SubscriptionModel:
        return cls(
            object_kind=view.object.kind,
            object_id=view.object.id,
            object_name=view.name,
            choice=ChoiceModel.from_domain(view.subscription.choice) if view.subscription else None,
        )


class RecipientModel(Model):
    """A recipient that the owner of a schedule names: a person's id, a mail address, or `target:NAME`."""

    to: str = Field(min_length=1, max_length=254)
    on: list[Interest] = Field(default_factory=lambda: sorted(RECIPIENT_INTERESTS), min_length=1)

    def to_domain(self) -> NamedRecipient:
        return NamedRecipient(self.to, frozenset(self.on))


Recipients = Annotated[list[RecipientModel], Field(max_length=MAX_RECIPIENTS)]


class QuietHoursModel(Model):
    """The span of each day in which nothing is sent but failures of production. It may pass midnight."""

    start: TimeOfDay
    end: TimeOfDay

    def to_domain(self) -> QuietHours:
        return QuietHours(dt.time.fromisoformat(self.start), dt.time.fromisoformat(self.end))


class DeliveryTimesModel(Model):
    """When a person gets messages outside of JupyterLab. `digest_at`: all that can wait comes then, in one message."""

    timezone: str = Field(default="UTC", max_length=100)
    quiet: QuietHoursModel | None = None
    digest_at: TimeOfDay | None = None

    def to_domain(self) -> DeliveryTimes:
        return DeliveryTimes(
            self.timezone,
            self.quiet.to_domain() if self.quiet else None,
            dt.time.fromisoformat(self.digest_at) if self.digest_at else None,
        )

    @classmethod
    def from_domain(cls, times: DeliveryTimes) -> DeliveryTimesModel:
        quiet, digest_at = times.quiet, times.digest_at
        return cls(
            timezone=times.timezone,
            quiet=QuietHoursModel(start=_text(quiet.start), end=_text(quiet.end)) if quiet else None,
            digest_at=_text(digest_at) if digest_at else None,
        )


def _text(time: dt.time) -> str:
    return time.isoformat("minutes" if time.second == 0 else "seconds")


class HeldModel(Model):
    """A message that waits, and why."""

    until: Instant
    reason: HoldReason


class PersonModel(Model):
    """The settings of the person who asks. `pending_address` waits for its code; until then it gets nothing else.

    `has_mail`: this installation can send mail at all. `targets` can be chosen as channels.
    """

    person: str
    address: str | None
    confirmed_at: Instant | None
    pending_address: str | None
    code_expires_at: Instant | None
    times: DeliveryTimesModel
    held: list[HeldModel]
    has_mail: bool
    targets: list[str]

    @classmethod
    def from_domain(cls, view: PersonView) -> PersonModel:
        settings = view.settings
        return cls(
            person=settings.person,
            address=settings.address,
            confirmed_at=settings.confirmed_at,
            pending_address=settings.pending.address if settings.pending else None,
            code_expires_at=settings.pending.expires_at if settings.pending else None,
            times=DeliveryTimesModel.from_domain(settings.times),
            held=[HeldModel(until=each.hold.until, reason=each.hold.reason) for each in view.held],
            has_mail=view.has_mail,
            targets=list(view.targets),
        )


class AddressRequest(Model):
    """A mail address, to which a code is sent."""

    address: str = Field(max_length=300)


class CodeRequest(Model):
    """The code of the mail, with or without its dash."""

    code: str = Field(max_length=40)
