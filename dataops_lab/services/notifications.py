"""Messages to people: written with the thing that they tell, and delivered later, to each recipient on its own."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from ulid import ULID

from ..domain.notifications import (
    LONGEST_RETRY_S,
    MAX_TRIES,
    ChannelKind,
    Delivery,
    Message,
    retry_delay_s,
)
from ..errors import DataOpsError, DeliveryFailed, InvalidRequest, NotFound, StaleWrite, StoreBusy
from ..ports import Transaction
from .context import Services
from .message_content import content_of
from .recipients import recipients_of
from .targets import destination_of, sender_of

log = logging.getLogger("dataops_lab.notifications")

MAX_AT_ONCE = 100
CLAIM = dt.timedelta(minutes=5)
"""The time that a try of a delivery may take. Then another engine may try it again."""


@dataclass(frozen=True)
class Outcome:
    """The result of one try. `error` None: the receiver has taken it."""

    delivery: Delivery
    error: DeliveryFailed | None = None


def next_at(ctx: Services, *, without: Collection[str] = ()) -> dt.datetime | None:
    """Return the instant from which a message is planned or tried, except for deliveries of the lanes `without`."""
    with ctx.store.read() as tx:
        moments = (tx.outbox.next_at(), tx.held.next_at(), tx.deliveries.next_at(without=without))
    return min((moment for moment in moments if moment is not None), default=None)


def plan(ctx: Services, *, fence: int) -> int:
    """Make deliveries of the messages that are due, and show them in JupyterLab. Return the number of messages.

    All of a message is one transaction: an engine that dies has planned it for all recipients or for nobody.
    """
    now = ctx.clock.now()
    with ctx.store.read() as tx:
        due_at = tx.outbox.next_at()
    if due_at is None or due_at > now:
        return 0
    with ctx.store.begin(fence=fence) as tx:
        messages = tx.outbox.take_due(now, until=now + CLAIM, limit=MAX_AT_ONCE)
        for message in messages:
            try:
                with tx.savepoint():
                    _plan(tx, message, at=now)
            except (StaleWrite, StoreBusy):
                raise
            except Exception as error:
                log.exception("The message %s (%s) cannot be delivered.", message.id, message.kind)
                again = now + dt.timedelta(seconds=retry_delay_s(message.attempts + 1))
                tx.outbox.mark_failed(message.id, str(error), not_before=again)
    return len(messages)


def _plan(tx: Transaction, message: Message, *, at: dt.datetime) -> None:
    recipients = recipients_of(tx, message, at=at)
    in_lab = [each for each in recipients if each.channel is ChannelKind.LAB]
    if in_lab:
        people = sorted({each.person for each in in_lab if each.person})
        data = {"message": message.id, "people": people, **message.payload}
        tx.events.add(message.subject, f"notification.{message.kind}", at=at, data=data)
    tx.deliveries.add(
        *(
            Delivery(
                id=str(ULID.from_datetime(at)),
                message_id=message.id,
                kind=message.kind,
                subject=message.subject,
                recipient=each,
                created_at=at,
                not_before=max(each.not_before or at, at),
            )
            for each in recipients
            if each.channel is not ChannelKind.LAB
        )
    )
    tx.outbox.mark_delivered(message.id, at=at)


def take(ctx: Services, *, fence: int, limit: int, without: Collection[str] = ()) -> Sequence[Delivery]:
    """Take deliveries that are due, except for those of the lanes `without`. Each is to be tried within `CLAIM`.

    When the engine dies meanwhile, the next one tries them again after that time.
    """
    now = ctx.clock.now()
    with ctx.store.read() as tx:
        due_at = tx.deliveries.next_at(without=without)
    if due_at is None or due_at > now:
        return ()
    with ctx.store.begin(fence=fence) as tx:
        return tx.deliveries.take_due(now, until=now + CLAIM, limit=limit, without=without)


def attempt(ctx: Services, delivery: Delivery) -> Outcome:
    """Send one delivery, outside of any transaction. It takes as long as the receiver does, within limits."""
    try:
        with ctx.store.read() as tx:
            message = tx.outbox.get(delivery.message_id)
        to = destination_of(ctx, delivery.recipient, environment=message.payload.get("environment"))
        content = content_of(ctx, message)
        content.check()
        sender_of(ctx, to).send(content, to, id=delivery.id)
    except DeliveryFailed as error:
        return Outcome(delivery, error)
    except (NotFound, InvalidRequest) as error:
        return Outcome(delivery, DeliveryFailed(error.message, again=False))
    except DataOpsError as error:
        return Outcome(delivery, DeliveryFailed(error.message, again=True))
    except Exception as error:
        log.exception("The delivery %s to %s failed unexpectedly.", delivery.id, delivery.recipient.lane)
        return Outcome(delivery, DeliveryFailed(f"It failed unexpectedly ({type(error).__name__}).", again=True))
    return Outcome(delivery)


def note(ctx: Services, outcomes: Sequence[Outcome], *, fence: int) -> None:
    """Write down what became of the tries."""
    now = ctx.clock.now()
    with ctx.store.begin(fence=fence) as tx:
        for each in outcomes:
            if each.error is None:
                tx.deliveries.mark_sent(each.delivery, at=now)
                continue
            again = _again_at(each.delivery, each.error, now)
            tx.deliveries.mark_failed(each.delivery, each.error.message, at=now, not_before=again)
            if again is None:
                log.warning("A message was not delivered to %s: %s", each.delivery.recipient.lane, each.error.message)


def _again_at(delivery: Delivery, error: DeliveryFailed, now: dt.datetime) -> dt.datetime | None:
    if not error.again or delivery.attempts >= MAX_TRIES:
        return None
    wanted_s = min(error.after_s or 0.0, LONGEST_RETRY_S)
    return now + dt.timedelta(seconds=max(retry_delay_s(delivery.attempts), wanted_s))
