"""Messages to people: written with the thing that they tell, and delivered later, once to each channel."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from ulid import ULID

from ..domain.events import Subject, SubjectKind
from ..domain.notifications import Message, MessageKind, retry_delay_s
from ..domain.runs import MAX_SUMMARY_MESSAGE, Run
from ..domain.schedules import Schedule
from ..domain.ticks import Tick
from ..ports import Transaction
from .context import Services

log = logging.getLogger("dataops_lab.notifications")

MAX_AT_ONCE = 100
CLAIM = dt.timedelta(minutes=2)
"""The time that a delivery may take. Then another engine may try it again."""


def tell(
    tx: Transaction,
    kind: MessageKind,
    schedule: Schedule,
    tick: Tick,
    *,
    run: Run | None = None,
    at: dt.datetime,
) -> None:
    """Add a message about a tick to the outbox. It is delivered when this transaction is committed, and only then."""
    job = tx.jobs.get(schedule.job_id)
    reason = run.reason if run else tick.reason
    payload: dict[str, Any] = {
        "schedule": {"id": schedule.id, "name": schedule.name, "timezone": schedule.settings.timezone},
        "job": {"id": job.id, "name": job.name},
        "environment": schedule.environment,
        "owner": schedule.owner.id,
        "tick": tick.id,
        "nominal": tick.nominal.isoformat(),
        "preset": tick.preset,
        "count": tick.count,
        "run": run.id if run else tick.run_id,
        "reason": {"code": reason.code, "message": reason.message[:MAX_SUMMARY_MESSAGE]} if reason else None,
        "due": tick.due_at.isoformat() if tick.due_at else None,
        "failures": schedule.failures,
    }
    subject = Subject(SubjectKind.SCHEDULE, schedule.id)
    tx.outbox.add(Message(str(ULID.from_datetime(at)), kind, subject, payload, created_at=at, not_before=at))


def deliver(ctx: Services, *, fence: int) -> int:
    """Deliver the messages that are due. Return how many were delivered.

    A message is taken first and given to the channels then, so that an engine that dies meanwhile delivers it at most
    once within `CLAIM`.
    """
    now = ctx.clock.now()
    with ctx.store.read() as tx:
        next_at = tx.outbox.next_at()
    if next_at is None or next_at > now:
        return 0
    with ctx.store.begin(fence=fence) as tx:
        messages = tx.outbox.take_due(now, until=now + CLAIM, limit=MAX_AT_ONCE)
    delivered = 0
    for message in messages:
        try:
            for channel in ctx.channels:
                channel.deliver(message)
        except Exception as error:
            log.warning("The message %s (%s) could not be delivered: %s", message.id, message.kind, error)
            again = ctx.clock.now() + dt.timedelta(seconds=retry_delay_s(message.attempts + 1))
            with ctx.store.begin(fence=fence) as tx:
                tx.outbox.mark_failed(message.id, str(error), not_before=again)
            continue
        with ctx.store.begin(fence=fence) as tx:
            _show_in_lab(tx, message, at=ctx.clock.now())
            tx.outbox.mark_delivered(message.id, at=ctx.clock.now())
        delivered += 1
    return delivered


def _show_in_lab(tx: Transaction, message: Message, *, at: dt.datetime) -> None:
    """Add the event that shows the message in JupyterLab, in the transaction that marks it as delivered."""
    data = {"message": message.id, **message.payload}
    tx.events.add(message.subject, f"notification.{message.kind}", at=at, data=data)
