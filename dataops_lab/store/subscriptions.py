from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, tuple_, update

from ..domain.actors import Actor
from ..domain.addresses import PendingAddress, PersonSettings
from ..domain.delivery_times import Count, DeliveryTimes, HeldMessage, Hold, HoldReason, counted
from ..domain.events import Subject, SubjectKind
from ..domain.notifications import ChannelKind, Recipient
from ..domain.subscriptions import Choice, ObjectKind, ObjectRef, Subscription
from . import tables as t
from .events import SqlEvents
from .locks import advisory_lock
from .rows import check_lengths

TRIM_BATCH_SIZE = 5000

_S, _P, _H, _N = t.subscriptions.c, t.people.c, t.held_messages.c, t.message_counts.c


class SqlSubscriptions:
    def __init__(self, connection: Connection, events: SqlEvents) -> None:
        self._connection = connection
        self._events = events

    def find(self, person: str, ref: ObjectRef) -> Subscription | None:
        row = self._connection.execute(select(t.subscriptions).where(*_is(person, ref))).one_or_none()
        return _subscription(row) if row else None

    def list_of(self, person: str) -> Sequence[Subscription]:
        query = select(t.subscriptions).where(_S.person == person).order_by(_S.object_kind, _S.object_id)
        return [_subscription(row) for row in self._connection.execute(query)]

    def list_to(self, refs: Collection[ObjectRef]) -> Sequence[Subscription]:
        if not refs:
            return []
        among = tuple_(_S.object_kind, _S.object_id).in_([(str(ref.kind), ref.id) for ref in set(refs)])
        query = select(t.subscriptions).where(among).order_by(_S.person, _S.object_kind, _S.object_id)
        return [_subscription(row) for row in self._connection.execute(query)]

    def put(self, subscription: Subscription, *, at: dt.datetime, by: Actor) -> Subscription:
        person, ref = subscription.person, subscription.object
        advisory_lock(self._connection, "subscription", person, ref.kind, ref.id)
        row = {"choice": subscription.choice.to_json(), "changed_at": at}
        changed = self._connection.execute(
            update(t.subscriptions).where(*_is(person, ref)).values(**row, revision=_S.revision + 1)
        )
        if changed.rowcount == 0:
            added = {**row, "person": person, "object_kind": ref.kind, "object_id": ref.id, "revision": 1}
            self._connection.execute(insert(t.subscriptions), check_lengths(t.subscriptions, added))
        stored = self.find(person, ref)
        assert stored is not None
        self._event(stored.person, ref, "subscription.set", at=at, by=by, revision=stored.revision)
        return stored

    def remove(self, person: str, ref: ObjectRef, *, at: dt.datetime, by: Actor) -> bool:
        removed = self._connection.execute(delete(t.subscriptions).where(*_is(person, ref))).rowcount > 0
        if removed:
            self._event(person, ref, "subscription.removed", at=at, by=by)
        return removed

    def remove_to(self, ref: ObjectRef) -> None:
        self._connection.execute(delete(t.subscriptions).where(_S.object_kind == ref.kind, _S.object_id == ref.id))

    def _event(
        self, person: str, ref: ObjectRef, kind: str, *, at: dt.datetime, by: Actor, revision: int | None = None
    ) -> None:
        data = {"object_kind": str(ref.kind), "object_id": ref.id}
        self._events.add(Subject(SubjectKind.PERSON, person), kind, at=at, actor=by, revision=revision, data=data)


class SqlPeople:
    def __init__(self, connection: Connection, events: SqlEvents) -> None:
        self._connection = connection
        self._events = events

    def get(self, person: str) -> PersonSettings:
        advisory_lock(self._connection, "person", person)
        return self.get_many([person]).get(person, PersonSettings(person))

    def get_many(self, people: Collection[str]) -> Mapping[str, PersonSettings]:
        if not people:
            return {}
        query = select(t.people).where(_P.person.in_(set(people)))
        return {row.person: _person(row) for row in self._connection.execute(query)}

    def put(self, settings: PersonSettings, *, what: str, at: dt.datetime, by: Actor) -> PersonSettings:
        advisory_lock(self._connection, "person", settings.person)
        row = {
            "address": settings.address,
            "confirmed_at": settings.confirmed_at,
            "times": settings.times.to_json(),
            "pending": settings.pending.to_json() if settings.pending else None,
            "codes_sent": [sent.isoformat() for sent in settings.codes_sent],
            "changed_at": at,
        }
        of_person = _P.person == settings.person
        changed = self._connection.execute(update(t.people).where(of_person).values(**row, revision=_P.revision + 1))
        if changed.rowcount == 0:
            added = {**row, "person": settings.person, "revision": 1}
            self._connection.execute(insert(t.people), check_lengths(t.people, added))
        stored = self.get_many([settings.person])[settings.person]
        subject = Subject(SubjectKind.PERSON, settings.person)
        self._events.add(subject, f"person.{what}", at=at, actor=by, revision=stored.revision)
        return stored


class SqlHeldMessages:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, *held: HeldMessage) -> None:
        rows = [
            {
                "id": each.id,
                "message_id": each.message_id,
                "channel": each.recipient.channel,
                "recipient": each.recipient.to,
                "person": each.recipient.person,
                "until": each.hold.until,
                "reason": each.hold.reason,
            }
            for each in held
        ]
        if rows:
            self._connection.execute(insert(t.held_messages), rows)

    def take_due(self, now: dt.datetime, *, limit: int) -> Sequence[HeldMessage]:
        advisory_lock(self._connection, "held")
        query = select(t.held_messages).where(_H.until <= now).order_by(_H.id).limit(limit)
        found = [_held(row) for row in self._connection.execute(query)]
        self._connection.execute(delete(t.held_messages).where(_H.id.in_([each.id for each in found])))
        return found

    def next_at(self) -> dt.datetime | None:
        found: dt.datetime | None = self._connection.scalar(select(func.min(_H.until)))
        return found

    def list_for(self, person: str) -> Sequence[HeldMessage]:
        query = select(t.held_messages).where(_H.person == person).order_by(_H.until, _H.id)
        return [_held(row) for row in self._connection.execute(query)]

    def count(self, recipient: Recipient, job_id: str, now: dt.datetime) -> Count:
        place = {"channel": str(recipient.channel), "recipient": recipient.to, "job_id": job_id}
        advisory_lock(self._connection, "message_count", *place.values())
        here = (_N.channel == place["channel"], _N.recipient == place["recipient"], _N.job_id == job_id)
        row = self._connection.execute(select(_N.since, _N.number).where(*here)).one_or_none()
        new = counted(Count(row.since, row.number) if row else None, now)
        if row is None:
            self._connection.execute(insert(t.message_counts), {**place, **new._asdict()})
        else:
            self._connection.execute(update(t.message_counts).where(*here).values(**new._asdict()))
        return new

    def delete_counts(self, *, before: dt.datetime) -> int:
        return self._connection.execute(delete(t.message_counts).where(_N.since < before)).rowcount


def _is(person: str, ref: ObjectRef) -> tuple[Any, ...]:
    return _S.person == person, _S.object_kind == ref.kind, _S.object_id == ref.id


def _subscription(row: Row[Any]) -> Subscription:
    ref = ObjectRef(ObjectKind(row.object_kind), row.object_id)
    return Subscription(row.person, ref, Choice.from_json(row.choice), row.revision)


def _person(row: Row[Any]) -> PersonSettings:
    return PersonSettings(
        person=row.person,
        address=row.address,
        confirmed_at=row.confirmed_at,
        times=DeliveryTimes.from_json(row.times),
        pending=PendingAddress.from_json(row.pending) if row.pending else None,
        codes_sent=tuple(map(dt.datetime.fromisoformat, row.codes_sent)),
        revision=row.revision,
    )


def _held(row: Row[Any]) -> HeldMessage:
    recipient = Recipient(ChannelKind(row.channel), row.recipient, row.person)
    return HeldMessage(row.id, row.message_id, recipient, Hold(row.until, HoldReason(row.reason)))
