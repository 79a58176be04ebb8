"""The people and places that get a message, and when. Later ones become one message for each of them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from ulid import ULID

from ..domain.addresses import PersonSettings
from ..domain.delivery_times import WINDOW, DeliveryTimes, HeldMessage, hold
from ..domain.events import Subject, SubjectKind
from ..domain.mail import domain_of
from ..domain.notifications import ChannelKind, Message, MessageKind, Recipient, in_lab
from ..domain.subscriptions import Happening, Listener, listeners
from ..errors import NotFound
from ..ports import Transaction
from .context import Services
from .messages import default_targets, happening_of

MAX_RELEASED = 1000
"""The most messages that one look releases."""
MAX_IN_DIGEST = 50
"""The most messages that a digest names. Further ones are counted."""


def recipients_of(tx: Transaction, message: Message, *, at: dt.datetime) -> tuple[Recipient, ...]:
    """Return who gets the message now, and hold it for those who get it later.

    It writes counts and held messages in the transaction that plans the deliveries. So an engine that dies has decided
    about all recipients of a message or about none.
    """
    if message.kind is MessageKind.DIGEST:
        return _of_digest(tx, message)
    happening = happening_of(tx, message.kind, message.payload)
    found = _listeners_of(tx, message, happening)
    people = tx.people.get_many({each.person for each in found if each.person})
    now: list[Recipient] = []
    held: list[HeldMessage] = []
    for recipient in _resolve(tx, found, people):
        if recipient.channel is ChannelKind.LAB:
            now.append(recipient)
            continue
        settings = people.get(recipient.person or "")
        times = settings.times if settings else DeliveryTimes()
        count = tx.held.count(recipient, happening.job_id, at) if happening.job_id else None
        waits = hold(message.kind, times, at, urgent=happening.is_urgent, count=count)
        if waits is None:
            now.append(recipient)
        else:
            held.append(HeldMessage(str(ULID.from_datetime(at)), message.id, recipient, waits))
    tx.held.add(*held)
    return tuple(now)


def _listeners_of(tx: Transaction, message: Message, happening: Happening) -> tuple[Listener, ...]:
    """Return the listeners of a message; for one about several presets also the recipients of each."""
    subscriptions = tx.subscriptions.list_to(happening.objects)
    targets = default_targets(tx, happening.environment)
    found = dict.fromkeys(listeners(happening, subscriptions, default_targets=targets))
    for each in message.payload.get("presets", ()):
        if each["kind"] and happening.schedule_id:
            kind = MessageKind(each["kind"])
            # Its own recipients alone: owner, subscribers and the schedule's recipients hear of all presets together.
            own = happening_of(tx, kind, {**message.payload, "preset": each["preset"]})
            found.update(dict.fromkeys(listeners(replace(own, owner=None), ())))
    return tuple(found)


def _resolve(tx: Transaction, found: Iterable[Listener], people: Mapping[str, PersonSettings]) -> Iterable[Recipient]:
    """Yield the recipients that listeners stand for, each place once. No mail goes to unconfirmed addresses."""
    seen: set[tuple[ChannelKind, str]] = set()
    domains = allowed_domains(tx)
    for each in found:
        recipient: Recipient | None
        if each.channel == "lab":
            recipient = in_lab(each.person)
        elif each.channel == "target":
            channel = channel_of_target(tx, each.name)
            # The place counts, not the person who wanted it there: their quiet hours are their own.
            recipient = Recipient(channel, each.name) if channel else None
        elif each.person is not None:
            address = people[each.person].address if each.person in people else None
            recipient = Recipient(ChannelKind.MAIL, address, each.person) if address else None
        else:
            allowed = domain_of(each.name) in domains
            recipient = Recipient(ChannelKind.MAIL, each.name) if allowed else None
        if recipient is not None and (recipient.channel, recipient.to) not in seen:
            seen.add((recipient.channel, recipient.to))
            yield recipient


# --- what waited ----------------------------------------------------------------------------------


def release(ctx: Services, *, fence: int) -> int:
    """Make one message for each recipient of what waited until now. Return how many there are.

    One transaction removes the held rows and adds the message that tells of them, so nothing is told twice or lost.
    """
    now = ctx.clock.now()
    with ctx.store.read() as tx:
        next_at = tx.held.next_at()
    if next_at is None or next_at > now:
        return 0
    with ctx.store.begin(fence=fence) as tx:
        held = sorted(tx.held.take_due(now, limit=MAX_RELEASED), key=_place)
        digests = [_digest(tx, list(of_place), at=now) for _, of_place in groupby(held, key=_place)]
        tx.outbox.add(*digests)
        tx.held.delete_counts(before=now - WINDOW)
    return len(digests)


def _place(held: HeldMessage) -> tuple[str, str]:
    return held.recipient.channel, held.recipient.to


def _digest(tx: Transaction, held: Sequence[HeldMessage], *, at: dt.datetime) -> Message:
    recipient = held[0].recipient
    messages = []
    for each in sorted(held, key=lambda each: each.id)[:MAX_IN_DIGEST]:
        try:
            message = tx.outbox.get(each.message_id)
        except NotFound:
            continue  # It was older than what is kept.
        messages.append({"kind": str(message.kind), "at": message.created_at.isoformat(), "payload": message.payload})
    payload: dict[str, Any] = {
        "to": {"channel": str(recipient.channel), "to": recipient.to, "person": recipient.person},
        "owner": recipient.person,
        "schedule": None,
        "job": None,
        "run": None,
        "reason": None,
        "count": len(held),
        "held": {str(reason): number for reason, number in Counter(each.hold.reason for each in held).items()},
        "messages": messages,
    }
    subject = Subject(SubjectKind.PERSON, recipient.person or recipient.to)
    return Message(str(ULID.from_datetime(at)), MessageKind.DIGEST, subject, payload, at, at)


def _of_digest(tx: Transaction, message: Message) -> tuple[Recipient, ...]:
    """Return the one recipient of what waited: at the address that the person has now."""
    to = message.payload["to"]
    channel, person = ChannelKind(to["channel"]), to["person"]
    if channel is not ChannelKind.MAIL or person is None:
        return (Recipient(channel, to["to"], person),)
    settings = tx.people.get_many([person]).get(person)
    return (Recipient(channel, settings.address, person),) if settings and settings.address else ()


# --- targets --------------------------------------------------------------------------------------


def channel_of_target(tx: Transaction, name: str) -> ChannelKind | None:
    """Return the channel of a target; None when there is none of that name, or it is off or has no place."""
    target = tx.targets.find(name)
    return target.channel if target and target.enabled and target.place else None


def allowed_domains(tx: Transaction) -> frozenset[str]:
    """Return the domains of mail addresses that need no account, in small letters."""
    return frozenset(domain for target in tx.targets.all() if target.enabled for domain in target.domains)
