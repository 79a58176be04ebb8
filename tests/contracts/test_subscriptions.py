"""The contract of subscriptions, people and held messages, for every database."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest
from ulid import ULID

from dataops_lab.domain.addresses import PendingAddress
from dataops_lab.domain.delivery_times import WINDOW, Count, DeliveryTimes, HeldMessage, Hold, HoldReason, QuietHours
from dataops_lab.domain.events import Subject, SubjectKind
from dataops_lab.domain.notifications import ChannelKind, Message, MessageKind, Recipient
from dataops_lab.domain.subscriptions import Choice, Interest, ObjectKind, ObjectRef, Subscription
from dataops_lab.errors import InvalidRequest
from dataops_lab.testing import person

NOW = dt.datetime(2026, 1, 31, 8, 0, tzinfo=dt.UTC)
ANN = person("ann")
JOB = ObjectRef(ObjectKind.JOB, "j1")
SCHEDULE = ObjectRef(ObjectKind.SCHEDULE, "j1")
MAIL = Recipient(ChannelKind.MAIL, "ann@example.org", "ann")
TEAM = Recipient(ChannelKind.SLACK, "team")


def put(store, ref=JOB, *, who="ann", choice=Choice()) -> Subscription:  # noqa: B008
    with store.begin() as tx:
        return tx.subscriptions.put(Subscription(who, ref, choice), at=NOW, by=ANN)


def held(number: int, to: Recipient = MAIL, *, until: dt.datetime = NOW) -> HeldMessage:
    held_id = f"{ULID.from_datetime(NOW)}"[:20] + f"{number:06}"
    return HeldMessage(held_id, f"m{number}", to, Hold(until, HoldReason.QUIET))


def test_a_subscription_is_read_as_it_was_written_and_replaced(store):
    assert put(store).revision == 1
    changed = put(store, choice=Choice(frozenset({Interest.ON_LATE}), ("target:ops",), False, False, False))
    with store.read() as tx:
        assert tx.subscriptions.find("ann", JOB) == changed
        assert tx.subscriptions.list_of("ann") == [changed]
        assert tx.subscriptions.find("ann", SCHEDULE) is None
    assert changed.revision == 2


def test_everybodys_subscriptions_to_an_object_are_found_and_to_no_other(store):
    put(store)
    put(store, who="bob")
    put(store, SCHEDULE, who="bob")
    with store.read() as tx:
        assert [each.person for each in tx.subscriptions.list_to([JOB])] == ["ann", "bob"]
        assert [each.object for each in tx.subscriptions.list_to([SCHEDULE])] == [SCHEDULE]
        assert tx.subscriptions.list_to([]) == []


def test_subscriptions_end_one_by_one_or_with_their_object(store):
    for who in ("ann", "bob"):
        put(store, who=who)
    with store.begin() as tx:
        assert tx.subscriptions.remove("ann", JOB, at=NOW, by=ANN)
        assert not tx.subscriptions.remove("ann", JOB, at=NOW, by=ANN)
        tx.subscriptions.remove_to(JOB)
        assert tx.subscriptions.list_to([JOB]) == []


def test_each_change_is_an_event_of_the_person(store):
    put(store)
    with store.begin() as tx:
        tx.subscriptions.remove("ann", JOB, at=NOW, by=ANN)
    with store.read() as tx:
        events = tx.events.list_after(0, subject=Subject(SubjectKind.PERSON, "ann"))
    assert [(event.kind, event.actor) for event in events] == [
        ("subscription.set", ANN),
        ("subscription.removed", ANN),
    ]
    assert events[0].data == {"object_kind": "job", "object_id": "j1"}


def test_what_is_too_long_for_a_column_is_refused(store):
    with pytest.raises(InvalidRequest):
        put(store, ObjectRef(ObjectKind.JOB, "x" * 101))


def test_the_settings_of_a_person_survive_and_events_hold_no_address(store):
    times = DeliveryTimes("Europe/Paris", QuietHours(dt.time(22), dt.time(7)), dt.time(8))
    pending = PendingAddress("new@example.org", b"\x00\xff", b"hash", NOW, tries=2)
    with store.begin() as tx:
        before = tx.people.get("ann")
        assert (before.address, before.revision) == (None, 0)
        wanted = replace(before, address="ann@example.org", confirmed_at=NOW, times=times, pending=pending)
        stored = tx.people.put(replace(wanted, codes_sent=(NOW,)), what="times_set", at=NOW, by=ANN)
        again = tx.people.put(stored, what="times_set", at=NOW, by=ANN)
    with store.read() as tx:
        assert tx.people.get_many(["ann", "bob"]) == {"ann": stored}
        events = tx.events.list_after(0, subject=Subject(SubjectKind.PERSON, "ann"))
    assert (stored.revision, again.revision) == (1, 2)
    assert [event.kind for event in events] == ["person.times_set", "person.times_set"]
    assert "example.org" not in str(events)


def test_held_messages_are_taken_once_when_they_are_due(store):
    later = NOW + dt.timedelta(hours=1)
    with store.begin() as tx:
        tx.held.add(held(1), held(2, TEAM), held(3, until=later))
    with store.begin() as tx:
        assert tx.held.next_at() == NOW
        assert [each.message_id for each in tx.held.take_due(NOW, limit=10)] == ["m1", "m2"]
        assert tx.held.take_due(NOW, limit=10) == []
        assert tx.held.next_at() == later
        assert tx.held.list_for("ann") == [held(3, until=later)]


def test_messages_are_counted_by_place_and_job_within_a_window(store):
    with store.begin() as tx:
        numbers = [tx.held.count(MAIL, "j1", NOW).number for _ in range(3)]
        assert numbers == [1, 2, 3]
        assert tx.held.count(MAIL, "j2", NOW).number == 1
        assert tx.held.count(TEAM, "j1", NOW).number == 1
        assert tx.held.count(MAIL, "j1", NOW + WINDOW) == Count(NOW + WINDOW, 1)
        assert tx.held.delete_counts(before=NOW + WINDOW) == 2


def test_a_group_has_one_open_message_that_can_be_brought_up_to_date(store):
    message = Message("m1", MessageKind.SUCCESS, Subject(SubjectKind.SCHEDULE, "s1"), {}, NOW, NOW, group="g")
    with store.begin() as tx:
        tx.outbox.add(message)
        assert tx.outbox.find_open("g") == message
        changed = replace(message, kind=MessageKind.FAILURE, payload={"a": 1}, not_before=NOW + WINDOW)
        tx.outbox.change(changed)
        assert tx.outbox.find_open("g") == changed
        tx.outbox.mark_delivered("m1", at=NOW)
        assert tx.outbox.find_open("g") is None
        tx.outbox.change(message)
        assert tx.outbox.get("m1").kind is MessageKind.FAILURE
        assert (tx.outbox.knows("g"), tx.outbox.knows("h")) == (True, False)
