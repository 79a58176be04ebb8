from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, func, select, update

from ..domain.events import Subject, SubjectKind
from ..domain.notifications import ChannelKind, Delivery, DeliveryState, MessageKind, Recipient
from ..ports import DeliveryFilter, Page
from . import tables as t
from .locks import with_row_lock
from .outbox import MAX_ERROR_LENGTH, TRIM_BATCH_SIZE
from .pages import page_of
from .rows import check_lengths, insert_if_absent


class SqlDeliveries:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, *deliveries: Delivery) -> None:
        for each in deliveries:
            row = {
                "id": each.id,
                "message_id": each.message_id,
                "kind": each.kind,
                "subject_kind": each.subject.kind,
                "subject_id": each.subject.id,
                "channel": each.recipient.channel,
                "recipient": each.recipient.to,
                "person": each.recipient.person,
                "lane": each.recipient.lane,
                "state": each.state,
                "attempts": each.attempts,
                "created_at": each.created_at,
                "not_before": each.not_before,
                "ended_at": each.ended_at,
                "error": each.error,
            }
            insert_if_absent(self._connection, t.deliveries, check_lengths(t.deliveries, row))

    def take_due(
        self, now: dt.datetime, *, until: dt.datetime, limit: int, without: Collection[str] = ()
    ) -> Sequence[Delivery]:
        due = select(t.deliveries).where(_waits(without), _D.not_before <= now)
        query = with_row_lock(self._connection, due.order_by(_D.not_before, _D.id).limit(limit))
        rows = self._connection.execute(query).all()
        taken = update(t.deliveries).where(_D.id.in_([row.id for row in rows]))
        self._connection.execute(taken.values(not_before=until, attempts=_D.attempts + 1))
        return [_delivery(row, attempts=row.attempts + 1, not_before=until) for row in rows]

    def mark_sent(self, delivery: Delivery, *, at: dt.datetime) -> None:
        values = {"state": DeliveryState.SENT, "ended_at": at, "error": None}
        self._connection.execute(update(t.deliveries).where(_waits(), _D.id == delivery.id).values(**values))

    def mark_failed(self, delivery: Delivery, error: str, *, at: dt.datetime, not_before: dt.datetime | None) -> None:
        values: dict[str, Any] = {"error": error[:MAX_ERROR_LENGTH]}
        values |= {"state": DeliveryState.FAILED, "ended_at": at} if not_before is None else {"not_before": not_before}
        is_this_try = and_(_waits(), _D.id == delivery.id, _D.attempts == delivery.attempts)
        self._connection.execute(update(t.deliveries).where(is_this_try).values(**values))

    def give_up_all(self, error: str, *, at: dt.datetime) -> int:
        values = {"state": DeliveryState.FAILED, "ended_at": at, "error": error[:MAX_ERROR_LENGTH]}
        return self._connection.execute(update(t.deliveries).where(_waits()).values(**values)).rowcount

    def next_at(self, *, without: Collection[str] = ()) -> dt.datetime | None:
        found: dt.datetime | None = self._connection.scalar(select(func.min(_D.not_before)).where(_waits(without)))
        return found

    def page(self, where: DeliveryFilter, *, limit: int, cursor: str | None = None) -> Page[Delivery]:
        query = select(t.deliveries)
        if where.channel is not None:
            query = query.where(_D.channel == where.channel)
        if where.to is not None:
            query = query.where(_D.recipient == where.to)
        if where.message_id is not None:
            query = query.where(_D.message_id == where.message_id)
        if where.states:
            query = query.where(_D.state.in_(where.states))
        return page_of(self._connection, query, _D.id, _delivery, limit=limit, cursor=cursor)

    def delete_ended(self, *, before: dt.datetime) -> int:
        oldest = select(_D.id).where(_D.ended_at.is_not(None), _D.created_at < before).limit(TRIM_BATCH_SIZE)
        return self._connection.execute(delete(t.deliveries).where(_D.id.in_(oldest))).rowcount


_D = t.deliveries.c


def _waits(without: Collection[str] = ()) -> ColumnElement[bool]:
    waits = _D.state == DeliveryState.WAITING
    return and_(waits, _D.lane.not_in(sorted(without))) if without else waits


def _delivery(row: Row[Any], **changes: Any) -> Delivery:
    found = {
        "id": row.id,
        "message_id": row.message_id,
        "kind": MessageKind(row.kind),
        "subject": Subject(SubjectKind(row.subject_kind), row.subject_id),
        "recipient": Recipient(ChannelKind(row.channel), row.recipient, row.person),
        "state": DeliveryState(row.state),
        "attempts": row.attempts,
        "created_at": row.created_at,
        "not_before": row.not_before,
        "ended_at": row.ended_at,
        "error": row.error,
    }
    return Delivery(**{**found, **changes})
