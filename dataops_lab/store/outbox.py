from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, exists, func, insert, select, update

from ..domain.events import Subject, SubjectKind
from ..domain.notifications import DeliveryState, Message, MessageKind
from ..errors import NotFound
from . import tables as t
from .locks import with_row_lock

TRIM_BATCH_SIZE = 5000
MAX_ERROR_LENGTH = 1000


class SqlOutbox:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, *messages: Message) -> None:
        rows = [
            {
                "id": message.id,
                "kind": message.kind,
                "subject_kind": message.subject.kind,
                "subject_id": message.subject.id,
                "payload": dict(message.payload),
                "created_at": message.created_at,
                "not_before": message.not_before,
                "group_key": message.group,
            }
            for message in messages
        ]
        if rows:
            self._connection.execute(insert(t.outbox), rows)

    def get(self, message_id: str) -> Message:
        row = self._connection.execute(select(t.outbox).where(_O.id == message_id)).one_or_none()
        if row is None:
            raise NotFound(f"There is no message {message_id!r}.")
        return _message(row)

    def take_due(self, now: dt.datetime, *, until: dt.datetime, limit: int) -> Sequence[Message]:
        due = select(t.outbox).where(_O.delivered_at.is_(None), _O.not_before <= now)
        query = with_row_lock(self._connection, due.order_by(_O.not_before, _O.id).limit(limit))
        messages = [_message(row) for row in self._connection.execute(query)]
        taken = update(t.outbox).where(_O.id.in_([message.id for message in messages]))
        self._connection.execute(taken.values(not_before=until, attempts=_O.attempts + 1))
        return messages

    def find_open(self, group: str) -> Message | None:
        query = select(t.outbox).where(_O.group_key == group, _O.delivered_at.is_(None)).order_by(_O.id.desc()).limit(1)
        row = self._connection.execute(with_row_lock(self._connection, query)).one_or_none()
        return _message(row) if row else None

    def knows(self, group: str) -> bool:
        return self._connection.execute(select(_O.id).where(_O.group_key == group).limit(1)).first() is not None

    def change(self, message: Message) -> None:
        values = {"kind": message.kind, "payload": dict(message.payload), "not_before": message.not_before}
        self._connection.execute(
            update(t.outbox).where(_O.id == message.id, _O.delivered_at.is_(None)).values(**values)
        )

    def mark_delivered(self, message_id: str, *, at: dt.datetime) -> None:
        self._connection.execute(update(t.outbox).where(_O.id == message_id).values(delivered_at=at, error=None))

    def mark_failed(self, message_id: str, error: str, *, not_before: dt.datetime) -> None:
        values = {"error": error[:MAX_ERROR_LENGTH], "not_before": not_before}
        self._connection.execute(update(t.outbox).where(_O.id == message_id).values(**values))

    def give_up_all(self, *, at: dt.datetime) -> None:
        self._connection.execute(update(t.outbox).where(_O.delivered_at.is_(None)).values(delivered_at=at))

    def next_at(self) -> dt.datetime | None:
        found: dt.datetime | None = self._connection.scalar(
            select(func.min(_O.not_before)).where(_O.delivered_at.is_(None))
        )
        return found

    def list_newest(self, *, limit: int) -> Sequence[Message]:
        rows = self._connection.execute(select(t.outbox).order_by(_O.created_at.desc(), _O.id.desc()).limit(limit))
        return [_message(row) for row in rows]

    def delete_delivered(self, *, before: dt.datetime) -> int:
        c = t.deliveries.c
        is_awaited = exists().where(c.message_id == _O.id, c.state == DeliveryState.WAITING)
        is_done = and_(_O.delivered_at.is_not(None), ~is_awaited)
        oldest = select(_O.id).where(is_done, _O.created_at < before).limit(TRIM_BATCH_SIZE)
        return self._connection.execute(delete(t.outbox).where(_O.id.in_(oldest))).rowcount


_O = t.outbox.c


def _message(row: Row[Any]) -> Message:
    return Message(
        id=row.id,
        kind=MessageKind(row.kind),
        subject=Subject(SubjectKind(row.subject_kind), row.subject_id),
        payload=row.payload,
        created_at=row.created_at,
        not_before=row.not_before,
        attempts=row.attempts,
        delivered_at=row.delivered_at,
        error=row.error,
        group=row.group_key,
    )
