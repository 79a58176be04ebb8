"""Targets, to which messages go, and the mail server: administrators set them, and only a delivery reads them."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlsplit

from ulid import ULID

from ..domain.actors import Actor
from ..domain.events import Subject, SubjectKind
from ..domain.mail import check_address, domain_of
from ..domain.notifications import (
    ChannelKind,
    Content,
    Delivery,
    DeliveryState,
    Destination,
    MessageKind,
    Recipient,
)
from ..domain.policy import ObjectKind, Verb
from ..domain.secrets import Secret
from ..domain.targets import MAIL_SCOPE, PASSWORD, TARGET_SCOPE, Target, make_key, read_key
from ..errors import Conflict, DeliveryFailed, InvalidRequest, NotFound
from ..ports import DeliveryFilter, Page, Sender, Transaction
from . import secrets
from .context import Services
from .permissions import require

audit = logging.getLogger("dataops_lab.audit")

_MAX_PASSWORD = 10_000


@dataclass(frozen=True)
class TargetWish:
    """A target as somebody wants it. `address` is the URL, or the address of mail; None: it stays what it was.

    `key` signs webhooks. None: it stays what it was, and a new webhook gets a new one; `new_key` makes one.
    """

    channel: ChannelKind
    address: str | None = None
    key: str | None = None
    new_key: bool = False
    description: str = ""
    environments: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    enabled: bool = True


@dataclass(frozen=True)
class SetTarget:
    """A target that was set just now. `key` is the one that was made for it, which is shown this once."""

    target: Target
    key: str | None = None


def list_all(ctx: Services) -> Sequence[Target]:
    """Return all targets, sorted by name."""
    with ctx.store.read() as tx:
        return tx.targets.all()


def get(ctx: Services, name: str) -> Target:
    with ctx.store.read() as tx:
        return _get(tx, name)


def _get(tx: Transaction, name: str) -> Target:
    target = tx.targets.find(name)
    if target is None:
        raise NotFound(
            f"There is no target {name!r}. `jupyter dataops notify list` shows those there are.", code="unknown_target"
        )
    return target


def put(ctx: Services, name: str, wish: TargetWish, *, by: Actor, revision: int | None = None) -> SetTarget:
    """Add the target, or replace the one of that name. With `revision`, Conflict when it was changed since."""
    require(ctx, by, Verb.CHANGE, ObjectKind.TARGET, what="A target")
    made = make_key(os.urandom(32)) if wish.new_key else None
    with ctx.store.begin() as tx:
        before = tx.targets.lock(name)
        if revision is not None and revision != (before.revision if before else 0):
            raise Conflict(
                f"Somebody has changed the target {name} since you read it. Look at it again.", code="changed_meanwhile"
            )
        same = before is not None and before.channel is wish.channel
        target = Target(
            name,
            wish.channel,
            before.place if before and same else "",
            wish.description,
            wish.environments,
            tuple(domain.lower() for domain in wish.domains),
            wish.enabled,
        )
        for environment in wish.environments:
            tx.environments.get(environment)
        if wish.channel is ChannelKind.MAIL:
            target = replace(target, place=target.place if wish.address is None else wish.address)
            target.check()
            _forget_secret(ctx, tx, name, by=by)
        else:
            known = _open(ctx, tx, name) if same else {}
            address = wish.address or known.get("address")
            if not address:
                raise InvalidRequest(f"A target for {wish.channel} has an address: the URL that it gave you.")
            key = None
            if wish.channel is ChannelKind.WEBHOOK:
                key = made or wish.key or known.get("key")
                if key is None:
                    key = made = make_key(os.urandom(32))
                read_key(key)
            target = replace(target, place=_host_of(address))
            target.check()
            sender = ctx.senders.get(wish.channel)
            if sender is not None:
                sender.check(address)
            value = {"address": address, **({"key": key} if key else {})}
            if value != known:
                secrets.seal(ctx, tx, TARGET_SCOPE, name, json.dumps(value), by=by)
        stored = tx.targets.put(target, at=ctx.clock.now(), by=by)
        tx.on_commit(partial(audit.info, "%s set the target %s", by, name))
    return SetTarget(stored, made)


def remove(ctx: Services, name: str, *, by: Actor) -> Target:
    """Remove the target, and return it as it was. Deliveries that wait for it fail, and say so."""
    require(ctx, by, Verb.CHANGE, ObjectKind.TARGET, what="A target")
    with ctx.store.begin() as tx:
        tx.targets.lock(name)
        target = _get(tx, name)
        _forget_secret(ctx, tx, name, by=by)
        tx.targets.remove(name, at=ctx.clock.now(), by=by)
        tx.on_commit(partial(audit.info, "%s removed the target %s", by, name))
    return target


def _forget_secret(ctx: Services, tx: Transaction, name: str, *, by: Actor) -> None:
    if tx.secrets.find(TARGET_SCOPE, name) is not None:
        tx.secrets.remove(TARGET_SCOPE, name, at=ctx.clock.now(), by=by)


def _open(ctx: Services, tx: Transaction, name: str) -> dict[str, str]:
    found = tx.secrets.find(TARGET_SCOPE, name)
    if found is None or found.sealed is None:
        return {}
    opened: dict[str, str] = json.loads(ctx.vault.open(found.sealed, bound_to=found.bound_to))
    return opened


def _host_of(address: str) -> str:
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


# --- the mail server ------------------------------------------------------------------------------


def mail_password(ctx: Services) -> Secret | None:
    """Return the password for the mail server, sealed. None when nobody has set it."""
    with ctx.store.read() as tx:
        return tx.secrets.find(MAIL_SCOPE, PASSWORD)


def set_mail_password(ctx: Services, password: str, *, by: Actor) -> Secret:
    require(ctx, by, Verb.CHANGE, ObjectKind.TARGET, what="The mail server")
    if not password or len(password) > _MAX_PASSWORD or not password.isprintable():
        raise InvalidRequest("A password has at least one character, and no line breaks.")
    with ctx.store.begin() as tx:
        return secrets.seal(ctx, tx, MAIL_SCOPE, PASSWORD, password, by=by)


def remove_mail_password(ctx: Services, *, by: Actor) -> None:
    require(ctx, by, Verb.CHANGE, ObjectKind.TARGET, what="The mail server")
    with ctx.store.begin() as tx:
        if tx.secrets.find(MAIL_SCOPE, PASSWORD) is None:
            raise NotFound("There is no password for the mail server.")
        tx.secrets.remove(MAIL_SCOPE, PASSWORD, at=ctx.clock.now(), by=by)


# --- what a delivery asks -------------------------------------------------------------------------


def allows_address(tx: Transaction, address: str, environment: str | None) -> bool:
    """Tell whether messages may go to an address without account: its domain is one that administrators allow."""
    return any(
        target.channel is ChannelKind.MAIL and target.takes(environment) and domain_of(address) in target.domains
        for target in tx.targets.all()
    )


def mail_to(ctx: Services, address: str) -> Destination:
    """Return an address of mail as a destination, whoever has it. The caller has checked that mail may go there."""
    with ctx.store.read() as tx:
        return Destination(ChannelKind.MAIL, address, address, key=_mail_password(ctx, tx))


def destination_of(ctx: Services, to: Recipient, *, environment: str | None) -> Destination:
    """Return the address of a recipient, with what opens it. DeliveryFailed when nothing may be sent there."""
    with ctx.store.read() as tx:
        if not to.is_target:
            if to.person is None and not allows_address(tx, to.to, environment):
                raise DeliveryFailed(
                    f"Messages may not go to {to.to}: no target for mail allows the domain {domain_of(to.to)}.",
                    again=False,
                    code="address_refused",
                )
            return Destination(ChannelKind.MAIL, to.to, to.to, key=_mail_password(ctx, tx))
        target = tx.targets.find(to.to)
        if target is None or target.channel is not to.channel or not target.takes(environment):
            raise DeliveryFailed(
                f"The target {to.to!r} gets no such messages any more: it was removed, or changed.", again=False
            )
        return _destination(ctx, tx, target)


def _destination(ctx: Services, tx: Transaction, target: Target) -> Destination:
    if target.channel is ChannelKind.MAIL:
        if not target.place:
            raise DeliveryFailed(f"The target {target.name} has no address.", again=False)
        return Destination(ChannelKind.MAIL, target.name, target.place, key=_mail_password(ctx, tx))
    opened = _open(ctx, tx, target.name)
    if "address" not in opened:
        raise DeliveryFailed(f"The target {target.name} has no address. Set it again.", again=False)
    return Destination(target.channel, target.name, opened["address"], key=opened.get("key"))


def _mail_password(ctx: Services, tx: Transaction) -> str | None:
    found = tx.secrets.find(MAIL_SCOPE, PASSWORD)
    return ctx.vault.open(found.sealed, bound_to=found.bound_to) if found and found.sealed else None


def sender_of(ctx: Services, to: Destination) -> Sender:
    if sender := ctx.senders.get(to.channel):
        return sender
    if to.channel is ChannelKind.MAIL:
        raise DeliveryFailed(
            "No mail server is set. An administrator sets it: `mail_server` of the server.",
            again=False,
            code="no_mail_server",
        )
    raise DeliveryFailed(f"Nothing is sent by {to.channel} here.", again=False)


# --- tests and the log ----------------------------------------------------------------------------


def send_test(ctx: Services, name: str, *, by: Actor) -> Delivery:
    """Send a message to the target now, whatever its environments are, and note it in the log. Return what came of it.

    The text of a failure is in the delivery.
    """
    require(ctx, by, Verb.CHANGE, ObjectKind.TARGET, what="A target")
    with ctx.store.read() as tx:
        target = _get(tx, name)
        try:
            to = _destination(ctx, tx, target)
        except DeliveryFailed as error:
            return _log_test(ctx, Recipient(target.channel, name), error.message, by=by)
    return _send_test(ctx, Recipient(target.channel, name), to, by=by)


def send_test_mail(ctx: Services, address: str, *, by: Actor) -> Delivery:
    """Send a mail to this address now, to see whether the mail server does it, and note it in the log."""
    require(ctx, by, Verb.CHANGE, ObjectKind.TARGET, what="The mail server")
    check_address(address)
    return _send_test(ctx, Recipient(ChannelKind.MAIL, address), mail_to(ctx, address), by=by)


def _send_test(ctx: Services, recipient: Recipient, to: Destination, *, by: Actor) -> Delivery:
    at = ctx.clock.now()
    data = {"type": str(MessageKind.TEST), "timestamp": at.isoformat(), "data": {"target": to.name, "by": by.id}}
    content = Content(
        "A test message of dataops_lab",
        f"{by} sent this to see whether messages arrive here. They do.\n\nThere is nothing to do.",
        event=data,
    )
    delivery_id = str(ULID.from_datetime(at))
    error = None
    try:
        sender_of(ctx, to).send(content, to, id=delivery_id)
    except DeliveryFailed as failure:
        error = failure.message
    return _log_test(ctx, recipient, error, by=by, delivery_id=delivery_id)


def _log_test(
    ctx: Services, recipient: Recipient, error: str | None, *, by: Actor, delivery_id: str | None = None
) -> Delivery:
    at = ctx.clock.now()
    delivery_id = delivery_id or str(ULID.from_datetime(at))
    subject = Subject(SubjectKind.TARGET, recipient.to)
    delivery = Delivery(
        id=delivery_id,
        message_id=delivery_id,
        kind=MessageKind.TEST,
        subject=subject,
        recipient=recipient,
        created_at=at,
        not_before=at,
        state=DeliveryState.SENT if error is None else DeliveryState.FAILED,
        attempts=1,
        ended_at=at,
        error=error,
    )
    with ctx.store.begin() as tx:
        tx.deliveries.add(delivery)
        tx.events.add(subject, "target.tested", at=at, actor=by, data={"state": str(delivery.state)})
    return delivery


def log(
    ctx: Services, where: DeliveryFilter, *, by: Actor, limit: int = 50, cursor: str | None = None
) -> Page[Delivery]:
    """Return the delivery log, newest first. It names people's addresses, so it is for administrators."""
    require(ctx, by, Verb.READ, ObjectKind.DELIVERY, what="The delivery log")
    with ctx.store.read() as tx:
        return tx.deliveries.page(where, limit=limit, cursor=cursor)
