"""Subscriptions and the settings of people for messages to them. Everybody decides for themselves."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace

from ..domain.actors import Actor
from ..domain.addresses import (
    CODE_ALPHABET,
    CODE_LENGTH,
    CODE_LIFE,
    PendingAddress,
    PersonSettings,
    check_code_limit,
    hash_code,
)
from ..domain.delivery_times import DeliveryTimes, HeldMessage
from ..domain.mail import check_address, domain_of
from ..domain.notifications import ChannelKind, Content, Destination
from ..domain.policy import ObjectKind as Kind
from ..domain.policy import Verb
from ..domain.schedules import Settings
from ..domain.subscriptions import TARGET, Choice, ObjectKind, ObjectRef, Subscription
from ..errors import Conflict, DeliveryFailed, InvalidRequest, NotFound, Refused, Unavailable
from ..ports import Transaction
from .context import Services
from .permissions import require
from .recipients import allowed_domains, channel_of_target
from .targets import mail_to, sender_of


@dataclass(frozen=True)
class SubscriptionView:
    """A subscription with the name of its object. `subscription` None: the default counts."""

    object: ObjectRef
    name: str
    subscription: Subscription | None


@dataclass(frozen=True)
class PersonView:
    settings: PersonSettings
    held: tuple[HeldMessage, ...]
    """The messages that wait for the end of quiet hours, the digest or a limit."""
    has_mail: bool
    """Mail can be sent from here at all."""
    targets: tuple[str, ...]
    """The names of the targets that a person can choose as a channel."""


# --- subscriptions --------------------------------------------------------------------------------


def list_mine(ctx: Services, *, by: Actor) -> list[SubscriptionView]:
    """Return the subscriptions of a person, also those whose object is gone."""
    require(ctx, by, Verb.READ, Kind.SUBSCRIPTION)
    with ctx.store.read() as tx:
        return [
            SubscriptionView(each.object, _name_of(tx, each.object) or each.object.id, each)
            for each in tx.subscriptions.list_of(by.id)
        ]


def get(ctx: Services, kind: ObjectKind, name: str, *, by: Actor) -> SubscriptionView:
    """Return what the person chose for an object, by its id or name. NotFound when there is no such object."""
    require(ctx, by, Verb.READ, Kind.SUBSCRIPTION)
    with ctx.store.read() as tx:
        ref = find_object(tx, kind, name)
        return _view(tx, ref, tx.subscriptions.find(by.id, ref))


def subscribe(ctx: Services, kind: ObjectKind, name: str, choice: Choice, *, by: Actor) -> SubscriptionView:
    """Add the choice of a person for an object, or replace it. With an empty `on` they hear nothing of it."""
    require(ctx, by, Verb.CHANGE, Kind.SUBSCRIPTION)
    choice = choice.checked()
    with ctx.store.begin() as tx:
        ref = find_object(tx, kind, name)
        for channel in choice.channels:
            if channel.startswith(TARGET):
                _check_target(tx, channel.removeprefix(TARGET))
        subscription = Subscription(by.id, ref, choice)
        return _view(tx, ref, tx.subscriptions.put(subscription, at=ctx.clock.now(), by=by))


def unsubscribe(ctx: Services, kind: ObjectKind, name: str, *, by: Actor) -> SubscriptionView:
    """Remove the choice, so that the default counts again. Safe to repeat, and for objects that are gone."""
    require(ctx, by, Verb.CHANGE, Kind.SUBSCRIPTION)
    with ctx.store.begin() as tx:
        try:
            ref = find_object(tx, kind, name)
        except (NotFound, Refused):
            ref = ObjectRef(kind, name)
            if tx.subscriptions.find(by.id, ref) is None:
                raise
        tx.subscriptions.remove(by.id, ref, at=ctx.clock.now(), by=by)
        return SubscriptionView(ref, _name_of(tx, ref) or ref.id, None)


def find_object(tx: Transaction, kind: ObjectKind, name: str) -> ObjectRef:
    """Return the object of that id or name. NotFound or UnknownEnvironment when there is none."""
    if kind is ObjectKind.SCHEDULE:
        return ObjectRef(kind, tx.schedules.get(name).id)
    if kind is ObjectKind.JOB:
        return ObjectRef(kind, tx.jobs.get(name).id)
    return ObjectRef(kind, tx.environments.get(name).name)


def _view(tx: Transaction, ref: ObjectRef, subscription: Subscription | None) -> SubscriptionView:
    return SubscriptionView(ref, _name_of(tx, ref) or ref.id, subscription)


def _name_of(tx: Transaction, ref: ObjectRef) -> str | None:
    try:
        if ref.kind is ObjectKind.SCHEDULE:
            return tx.schedules.get(ref.id).name
        if ref.kind is ObjectKind.JOB:
            return tx.jobs.get(ref.id).name
        return tx.environments.get(ref.id).name
    except (NotFound, Refused):
        return None


# --- recipients of schedules ----------------------------------------------------------------------


def check_recipients_of(tx: Transaction, settings: Settings) -> None:
    """Raise InvalidRequest when a recipient of a schedule cannot get anything: addresses are allowed by domain."""
    domains = allowed_domains(tx)
    for recipient in settings.all_recipients:
        if recipient.to.startswith(TARGET):
            _check_target(tx, recipient.to.removeprefix(TARGET))
        elif recipient.is_address and domain_of(recipient.to) not in domains:
            allowed = f"Allowed are: {', '.join(sorted(domains))}." if domains else "None is allowed yet."
            raise InvalidRequest(
                f"Mail to {domain_of(recipient.to)} is not allowed without an account. {allowed} Administrators allow "
                "domains.",
                code="domain_not_allowed",
            )


def _check_target(tx: Transaction, name: str) -> None:
    if channel_of_target(tx, name) is None:
        raise InvalidRequest(f"There is no target {name!r}. Administrators set targets.", code="unknown_target")


# --- people ---------------------------------------------------------------------------------------


def get_person(ctx: Services, *, by: Actor) -> PersonView:
    require(ctx, by, Verb.READ, Kind.SUBSCRIPTION)
    with ctx.store.read() as tx:
        settings = tx.people.get_many([by.id]).get(by.id, PersonSettings(by.id))
        return _person_view(ctx, tx, settings)


def set_times(ctx: Services, times: DeliveryTimes, *, by: Actor) -> PersonView:
    """Set time zone, quiet hours and the digest. Messages that wait already keep their time."""
    require(ctx, by, Verb.CHANGE, Kind.SUBSCRIPTION)
    times = times.checked()
    with ctx.store.begin() as tx:
        settings = replace(tx.people.get(by.id), times=times)
        return _person_view(ctx, tx, tx.people.put(settings, what="times_set", at=ctx.clock.now(), by=by))


def enter_address(ctx: Services, address: str, *, by: Actor) -> PersonView:
    """Send a code to the address. It counts once the person has sent back the code; an earlier one counts until then.

    Unavailable, with the reason, when the mail was not taken.
    """
    require(ctx, by, Verb.CHANGE, Kind.SUBSCRIPTION)
    address = address.strip()
    check_address(address)
    to = mail_to(ctx, address)
    try:
        sender = sender_of(ctx, to)
    except DeliveryFailed as error:
        raise Unavailable(error.message, code="no_mail_server") from error
    code = "".join(secrets.choice(CODE_ALPHABET) for _ in range(CODE_LENGTH))
    salt = secrets.token_bytes(16)
    hashed = hash_code(code, salt)
    now = ctx.clock.now()
    with ctx.store.begin() as tx:
        settings = tx.people.get(by.id)
        sent = check_code_limit(settings.codes_sent, now)
        pending = PendingAddress(address, salt, hashed, now + CODE_LIFE)
        settings = tx.people.put(
            replace(settings, pending=pending, codes_sent=sent), what="address_entered", at=now, by=by
        )
        view = _person_view(ctx, tx, settings)
    try:
        # The code is written nowhere else, so it is sent here, not through the outbox.
        sender.send(_code_mail(code, by), to, id=secrets.token_hex(16))
    except DeliveryFailed as error:
        raise Unavailable(f"The code was not sent: {error.message}", code="code_not_sent") from error
    return view


def confirm_address(ctx: Services, code: str, *, by: Actor) -> PersonView:
    """Take the address whose code this is. Each code counts once, for a while, and only for a few tries."""
    require(ctx, by, Verb.CHANGE, Kind.SUBSCRIPTION)
    now = ctx.clock.now()
    with ctx.store.begin() as tx:
        settings = tx.people.get(by.id)
        pending = settings.pending
        if pending is None:
            raise Conflict("No address waits for a code. Enter the address first.", code="no_pending_address")
        fits = pending.fits(code, now)
        if fits:
            confirmed = replace(settings, address=pending.address, confirmed_at=now, pending=None)
            return _person_view(ctx, tx, tx.people.put(confirmed, what="address_confirmed", at=now, by=by))
        # The try is committed, so that nobody has more of them by being quick.
        tx.people.put(replace(settings, pending=pending.tried()), what="code_refused", at=now, by=by)
    raise InvalidRequest("That is not the code of the last mail. Look at it again.", code="wrong_code")


def remove_address(ctx: Services, *, by: Actor) -> PersonView:
    """Remove the address, and one that waits for its code. Safe to repeat."""
    require(ctx, by, Verb.CHANGE, Kind.SUBSCRIPTION)
    with ctx.store.begin() as tx:
        settings = replace(tx.people.get(by.id), address=None, confirmed_at=None, pending=None)
        return _person_view(ctx, tx, tx.people.put(settings, what="address_removed", at=ctx.clock.now(), by=by))


def _person_view(ctx: Services, tx: Transaction, settings: PersonSettings) -> PersonView:
    has_mail = True
    try:
        sender_of(ctx, Destination(ChannelKind.MAIL, "", ""))
    except DeliveryFailed:
        has_mail = False
    targets = tuple(target.name for target in tx.targets.all() if channel_of_target(tx, target.name))
    return PersonView(settings, tuple(tx.held.list_for(settings.person)), has_mail, targets)


def _code_mail(code: str, by: Actor) -> Content:
    minutes = int(CODE_LIFE.total_seconds() // 60)
    text = (
        f"{by} entered this address for messages of DataOps in JupyterLab.\n\n"
        f"The code is {code[:4]}-{code[4:]}\n\n"
        f"It is good for {minutes} minutes. If you do not expect it, do nothing: nothing else is sent to you."
    )
    return Content("Your code for DataOps", text)
