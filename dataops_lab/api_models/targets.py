from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr, field_serializer

from ..domain.mail import MailServer, Security
from ..domain.notifications import ChannelKind, Delivery, DeliveryState, MessageKind
from ..domain.secrets import Secret
from ..domain.targets import MAX_DESCRIPTION, MAX_ENTRIES, Target
from ..services.targets import SetTarget, TargetWish
from .base import ActorModel, Instant, Model

TargetChannel = Literal["mail", "slack", "teams", "webhook"]


class TargetRequest(Model):
    """A target as it is to be. `address` is the URL, or the address of mail; null: it stays what it was.

    `key` signs webhooks: `whsec_…`. Null: it stays what it was, and a new target gets a new one, which is in the answer
    once; `new_key` makes another one. `environments` are those whose messages it gets; empty for all. `domains` are for
    mail: messages may go to any address there. `revision`: Conflict when it was changed since; 0 when it must be new.
    """

    channel: TargetChannel
    address: SecretStr | None = Field(default=None, max_length=4000)
    key: SecretStr | None = Field(default=None, max_length=200)
    new_key: bool = False
    description: str = Field(default="", max_length=MAX_DESCRIPTION)
    environments: list[str] = Field(default_factory=list, max_length=MAX_ENTRIES)
    domains: list[str] = Field(default_factory=list, max_length=MAX_ENTRIES)
    enabled: bool = True
    revision: int | None = Field(default=None, ge=0)

    @field_serializer("address", "key", when_used="json")
    def _in_clear(self, value: SecretStr | None) -> str | None:
        # They go to the server only: answers of the API have none.
        return value.get_secret_value() if value else None

    def to_wish(self) -> TargetWish:
        return TargetWish(
            channel=ChannelKind(self.channel),
            address=self.address.get_secret_value() if self.address else None,
            key=self.key.get_secret_value() if self.key else None,
            new_key=self.new_key,
            description=self.description,
            environments=tuple(self.environments),
            domains=tuple(self.domains),
            enabled=self.enabled,
        )


class TargetModel(Model):
    """A target. `place` is the host of its URL, or its address of mail: a URL is a secret, and never shown again."""

    name: str
    channel: TargetChannel
    place: str
    description: str
    environments: list[str]
    domains: list[str]
    enabled: bool
    revision: int
    changed_at: Instant | None
    changed_by: ActorModel | None

    @classmethod
    def from_domain(cls, target: Target) -> TargetModel:
        return cls(
            name=target.name,
            channel=target.channel.value,  # type: ignore[arg-type]
            place=target.place,
            description=target.description,
            environments=list(target.environments),
            domains=list(target.domains),
            enabled=target.enabled,
            revision=target.revision,
            changed_at=target.changed_at,
            changed_by=ActorModel.from_domain(target.changed_by) if target.changed_by else None,
        )


class SetTargetModel(TargetModel):
    """A target that was set just now. `key` is the one that was made for it. Nobody can read it again."""

    key: str | None

    @classmethod
    def from_set(cls, done: SetTarget) -> SetTargetModel:
        return cls(**vars(TargetModel.from_domain(done.target)), key=done.key)


class DeliveryModel(Model):
    """One message on its way to one recipient. `to` is the name of a target, or an address of mail.

    `waiting`: it is tried at `not_before`, for the first time or again; `error` says why the last try failed.
    """

    id: str
    message_id: str
    kind: MessageKind
    channel: ChannelKind
    to: str
    state: DeliveryState
    attempts: int
    created_at: Instant
    not_before: Instant
    ended_at: Instant | None
    error: str | None

    @classmethod
    def from_domain(cls, delivery: Delivery) -> DeliveryModel:
        return cls(
            id=delivery.id,
            message_id=delivery.message_id,
            kind=delivery.kind,
            channel=delivery.recipient.channel,
            to=delivery.recipient.to,
            state=delivery.state,
            attempts=delivery.attempts,
            created_at=delivery.created_at,
            not_before=delivery.not_before,
            ended_at=delivery.ended_at,
            error=delivery.error,
        )


class MailServerModel(Model):
    """The mail server, which the settings of the Jupyter server name. `is_set` false: no mail is sent."""

    is_set: bool
    host: str | None
    port: int | None
    security: Security | None
    sender: str | None
    user: str | None
    has_password: bool
    password_changed_at: Instant | None

    @classmethod
    def from_domain(cls, server: MailServer | None, password: Secret | None) -> MailServerModel:
        return cls(
            is_set=server is not None,
            host=server.host if server else None,
            port=server.port if server else None,
            security=server.security if server else None,
            sender=server.sender if server else None,
            user=server.user if server else None,
            has_password=password is not None and password.is_set,
            password_changed_at=password.changed_at if password else None,
        )


class MailPassword(Model):
    """The password of the user of the mail server. It is sealed, and never shown again."""

    password: SecretStr

    @field_serializer("password", when_used="json")
    def _in_clear(self, value: SecretStr) -> str:
        return value.get_secret_value()


class TestMailRequest(Model):
    """The address that gets a mail to try out the server."""

    __test__ = False

    address: str = Field(max_length=300)
